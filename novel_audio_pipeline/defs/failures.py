"""One readable page for each run that failed: what failed, why, what to do."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import dagster as dg

from novel_audio_pipeline.defs.reader_app_events import READER_APP_AUDIO
from novel_audio_pipeline.defs.resources import FailureNotifier
from novel_audio_pipeline.defs.versions import CACHED_TTS_AUDIO, CHAPTER_TEXT, ORGANIZED_AUDIO
from novel_audio_pipeline.errors import UnavailableError

RunKind = Literal["narration", "publishing", "upkeep", "other"]

_WHAT_TO_DO: Mapping[RunKind, str] = {
    "narration": (
        "Nothing is lost: what the run had filed is in the library and is not spoken again. Mend "
        "what the reasons name, then materialize the failed chapters again (in the launch dialog: "
        "Failed), or run `novel-audio narrate`."
    ),
    "publishing": (
        "The library is as it was, and what the run had published stays published. Mend what the "
        "reasons name, then materialize the failed chapters of `reader_app_audio` again, or run "
        "`novel-audio library publish`: `reader_app_publishing_sensor` asks for a chapter once."
    ),
    "upkeep": (
        "Nothing in the library or the novels folder was touched. Mend what the reasons name; that "
        "is all, as long as `tts_cache_expiry_sensor` and `storage_upkeep_schedule` are on: the one "
        "asks again when something is past its time, half an hour later at the latest, the other "
        "every hour. Until then the TTS cache may keep audio beyond its two hours."
    ),
    "other": "Mend what the reasons name, then start the run again.",
}
_KINDS_OF_ASSETS: Mapping[dg.AssetKey, RunKind] = {
    ORGANIZED_AUDIO: "narration",
    CACHED_TTS_AUDIO: "narration",
    READER_APP_AUDIO: "publishing",
    dg.AssetKey("tts_cache_expiry"): "upkeep",
    dg.AssetKey("orphan_report"): "upkeep",
    CHAPTER_TEXT: "other",
}


@dg.run_failure_sensor(
    name="failed_runs_sensor",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Writes a page about each failed run into reports/failures/, and hands it to "
        "NOVEL_AUDIO_NOTIFY_COMMAND if that is set."
    ),
)
def failed_runs_sensor(
    context: dg.RunFailureSensorContext, failure_notifier: FailureNotifier
) -> None:
    """Write the page about one failed run."""
    run = context.dagster_run
    reasons = [reason_of(event) for event in context.get_step_failure_events()]
    page = failure_page(
        run_id=run.run_id,
        job=run.job_name,
        kind=kind_of(run.tags, run.asset_selection or ()),
        tags=run.tags,
        reasons=reasons or [context.failure_event.message or "no reason was recorded"],
        at=datetime.now(UTC),
    )
    try:
        told = failure_notifier.notify(run.run_id, page)
    except UnavailableError as error:
        context.log.error(str(error))  # noqa: TRY400  (a sentence; its stack says nothing)
    else:
        if told is not None:
            context.log.info(told)


def reason_of(event: dg.DagsterEvent) -> str:
    """Return why a step failed: our sentence where there is one, else the error."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return str(data.error.message).strip() if data.error else "no reason was recorded"


def kind_of(tags: Mapping[str, str], assets: Collection[dg.AssetKey]) -> RunKind:
    """Return what a run was for: its job says so, else the first it has of the table's assets.

    Args:
        tags: Its tags; runs of Dagster's implicit job have none of ours.
        assets: What was selected; empty if all of its job's.
    """
    named = tags.get("novel_audio/kind")
    for kind in _WHAT_TO_DO:
        if kind == named:
            return kind
    return next((kind for asset, kind in _KINDS_OF_ASSETS.items() if asset in assets), "other")


def failure_page(
    *,
    run_id: str,
    job: str,
    kind: RunKind,
    tags: Mapping[str, str],
    reasons: Sequence[str],
    at: datetime,
) -> str:
    """Return the page in Markdown."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    chapters = f"{first} to {last}" if first != last else (first or "none")
    lines = [
        f"# Run {run_id} failed",
        "",
        f"- job: {job}",
        f"- chapters: {chapters}",
        f"- noticed: {at:%Y-%m-%d %H:%M:%S} UTC",
        "",
        "## Why",
        "",
        *(f"- {reason}" for reason in reasons),
        "",
        "## What to do",
        "",
        _WHAT_TO_DO[kind],
        "",
    ]
    return "\n".join(lines)
