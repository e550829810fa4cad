"""One readable page for each run that failed: what failed, why, what to do."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from novel_audio_pipeline.defs.resources import FailureNotifier
from novel_audio_pipeline.errors import UnavailableError


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


def failure_page(
    *, run_id: str, job: str, tags: Mapping[str, str], reasons: Sequence[str], at: datetime
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
        "Nothing is lost: what the run had filed is in the library and is not spoken again. Mend "
        "what the reasons name, then materialize the failed chapters again (in the launch dialog: "
        "Failed), or run `novel-audio narrate`.",
        "",
    ]
    return "\n".join(lines)
