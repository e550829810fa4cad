"""The code location with one difference: a night of the nightly schedule is a minute long."""

import dagster as dg

from novel_audio_pipeline import definitions
from novel_audio_pipeline.defs.schedules import narrate_new_chapters_schedule as nightly


@dg.definitions
def defs() -> dg.Definitions:
    """Return all definitions, with the nightly schedule at every minute."""
    real = definitions.defs()  # imported by name, it would be a second one of this module
    each_minute = dg.ScheduleDefinition(
        name=nightly.name,
        job=nightly.job,
        cron_schedule="* * * * *",
        execution_fn=nightly._execution_fn,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    others = [schedule for schedule in real.schedules or () if schedule.name != nightly.name]
    return dg.Definitions(
        assets=real.assets,
        asset_checks=real.asset_checks,
        schedules=[*others, each_minute],
        sensors=real.sensors,
        jobs=real.jobs,
        resources=real.resources,
        executor=real.executor,
    )
