"""``library orphans``: what belongs to nothing, and what is referred to and absent."""

import math
from typing import TYPE_CHECKING, Any

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.upkeep.cache_place import cache_place

if TYPE_CHECKING:  # pandas takes half a second to load, which the other commands need not wait for
    import pandas as pd


@click.command("orphans")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def library_orphans_command(*, as_json: bool) -> int:
    """Report orphans in cache, library, sources and Dagster's records. Nothing is deleted.

    The same report as the asset orphan_report in the UI. Exit status 1 if anything was found.
    """
    context = CommandContext()
    cache_place(context.settings).folder()  # a wrong setting ends it here
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.defs.upkeep_runs import UpkeepRuns  # noqa: PLC0415

    listener = UpkeepRuns().run("report", say=say)
    if listener.report is None:
        raise listener.error or RuntimeError("the run ended without a report; the UI shows why")
    findings = listener.report.findings
    if as_json:
        print_json({"findings": _rows(findings)})
    else:
        print_table(
            ("finding", "severity", "path", "message"),
            findings[["code", "severity", "path", "message"]].itertuples(index=False, name=None),
        )
        for code, advice in dict(zip(findings["code"], findings["advice"], strict=True)).items():
            say(f"{code}: {advice}")
    say(
        f"{len(findings)} findings: "
        + ", ".join(f"{listener.report.count(s)} {s}" for s in ("error", "warning", "info"))
    )
    return ExitStatus.DONE if findings.empty else ExitStatus.INCOMPLETE


def _rows(findings: "pd.DataFrame") -> list[dict[str, Any]]:
    columns = ["code", "severity", "path", "message", "advice", "novel_id", "size_bytes", "age_s"]
    rows = findings[columns].to_dict("records")
    return [
        {str(name): None if _is_nan(value) else value for name, value in row.items()}
        for row in rows
    ]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
