"""The nightly schedule that narrates what is new, changed or failed."""

import dagster as dg

from novel_audio_pipeline.defs.jobs import narrate_job
from novel_audio_pipeline.defs.partitions import contiguous_ranges, known_chapters, range_tags
from novel_audio_pipeline.defs.under_way import narration_under_way
from novel_audio_pipeline.defs.versions import (
    narrated_digests,
    observed_digests,
    organized_versions,
)

RUNS_A_NIGHT = 40


@dg.schedule(
    name="narrate_new_chapters_schedule",
    job=narrate_job,
    cron_schedule="0 1 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Every night at one (UTC), if you turn it on: narrates chapters that are new, whose text or voice "
        f"changed, or that failed; at most {RUNS_A_NIGHT} runs of 25 chapters a night."
    ),
)
def narrate_new_chapters_schedule(
    context: dg.ScheduleEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for a run over each stretch of chapters whose audio is not that of their present text.

    Judged by what the sensor has observed, so nothing is read from disk. A night on which something
    is still being narrated is left out.
    """
    if (busy := narration_under_way(context.instance)) is not None:
        return dg.SkipReason(f"{busy} is narrating already; what is left waits for the next night.")
    needed = chapters_to_narrate(context.instance)
    if not needed:
        return dg.SkipReason("Every chapter has the audio of its present text.")
    ranges = list(contiguous_ranges(needed, known_chapters(context.instance)))
    night = context.scheduled_execution_time.isoformat()
    return [
        # Dagster wants a key where there are several, and never starts a second run of the same one.
        dg.RunRequest(run_key=f"{night} {first}", tags=range_tags(first, last))
        for first, last in ranges[:RUNS_A_NIGHT]
    ]


def chapters_to_narrate(instance: dg.DagsterInstance) -> set[str]:
    """Return the partition keys whose audio was never made, or from another text than observed."""
    made = narrated_digests(instance)
    organized = organized_versions(instance)
    observed = observed_digests(instance)
    return {
        key
        for key in known_chapters(instance)
        if key in observed and (key not in organized or made.get(key) != observed[key])
    }
