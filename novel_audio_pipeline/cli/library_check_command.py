"""``library check`` and ``library repair``: what is wrong with the library, and putting it right."""

from datetime import UTC, datetime

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.findings import finding_document, print_findings, wants_doing
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.repair import REPAIRABLE, Repair, repair_library
from novel_audio_pipeline.upkeep.last_check import remember_check


class Share(click.ParamType[float]):
    """A share as ``5%`` or ``100%``: 0 to 1."""

    name = "share"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share that a text names."""
        if isinstance(value, float):
            return value
        number = str(value).removesuffix("%")
        try:
            share = float(number) / 100
        except ValueError:
            share = -1.0
        if not 0 < share <= 1:
            self.fail(f"{value!r} is no share; write 5% or 100%", param, ctx)
        return share


_read_data = click.option(
    "--read-data",
    "read_share",
    type=Share(),
    is_flag=False,
    flag_value="100%",
    default=0.0,
    metavar="[=5%]",
    help="Also read, hash and decode every WAV, or a random share of them.",
)


@click.command("check")
@_read_data
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def library_check_command(*, read_share: float, as_json: bool) -> int:
    """Check the library: what stands in it against what its records say. The library is only read.

    Wrong digests that --read-data finds in the whole library are remembered in the reports folder,
    for library orphans and the orphan_report in the UI.

    Exit status 1 if there is an error or a warning.
    """
    context = CommandContext()
    began_at = datetime.now(UTC)
    findings = list(check_library(context.library, read_share=read_share))
    if as_json:
        print_json({"findings": [finding_document(finding) for finding in findings]})
    else:
        print_findings(findings)
    if read_share == 1:  # a sample does not know what else is wrong
        remember_check(context.settings.reports_dir, findings, at=began_at)
    return ExitStatus.INCOMPLETE if wants_doing(findings) else ExitStatus.DONE


@click.command("repair")
@_read_data
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def library_repair_command(*, read_share: float, yes: bool, as_json: bool) -> int:
    """Repair what a check names: put away what is wrong, rebuild what is derived.

    Nothing is destroyed: what is taken away goes to .repair-aside in the library. What is missing
    then is spoken by the next narration.
    """
    library = CommandContext().library
    findings = list(check_library(library, read_share=read_share))
    mendable = [finding for finding in findings if finding.code in REPAIRABLE]
    if mendable and not yes:
        print_findings(mendable)
        if not _agreed(f"Repair these {len(mendable)}?"):
            say("Nothing was changed.")
            return ExitStatus.INCOMPLETE
    repairs = list(repair_library(library, mendable, now=datetime.now(UTC)))
    if as_json:
        print_json({"repairs": [_repair_document(repair) for repair in repairs]})
    else:
        print_table(
            ("finding", "path", "done"),
            ((r.finding.code, r.finding.path, r.message) for r in repairs),
        )
        say(f"{sum(r.done for r in repairs)} of {len(findings)} findings repaired")
    left = [finding for finding in findings if finding.code not in REPAIRABLE]
    is_done = all(repair.done for repair in repairs) and not wants_doing(left)
    return ExitStatus.DONE if is_done else ExitStatus.INCOMPLETE


def _agreed(question: str) -> bool:
    """Return whether someone says yes; the end of input is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        return False


def _repair_document(repair: Repair) -> dict[str, object]:
    return {**finding_document(repair.finding), "done": repair.done, "result": repair.message}
