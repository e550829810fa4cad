"""Running upkeep in this process, on the same Dagster instance as the UI's: for the command line."""

from collections.abc import Callable
from typing import Literal

import dagster as dg

from novel_audio_pipeline.defs.dead_runs import end_dead_runs
from novel_audio_pipeline.defs.instance import open_instance
from novel_audio_pipeline.defs.resources import default_resources
from novel_audio_pipeline.defs.starting_runs import (
    require_known_reason,
    run_here,
    wait_for_turn,
)
from novel_audio_pipeline.defs.upkeep_assets import POOL, orphan_report, tts_cache_expiry
from novel_audio_pipeline.defs.upkeep_jobs import tts_cache_expiry_job
from novel_audio_pipeline.defs.upkeep_records import EXPIRY_JOB
from novel_audio_pipeline.upkeep.listener import UpkeepListener

REPORT_JOB = "orphan_report_job"


class UpkeepRuns:
    """Dagster's side of the upkeep commands; needs ``DAGSTER_HOME``."""

    def __init__(self) -> None:
        """Open the instance; end the runs of dead processes.

        Raises:
            SettingError: If ``DAGSTER_HOME`` or the version of the records is wrong.
        """
        self._instance = open_instance()
        end_dead_runs(self._instance)

    def run(
        self, what: Literal["expiry", "report"], *, say: Callable[[str], None]
    ) -> UpkeepListener:
        """Run one of the two assets, and return what it did, or which error of ours ended it.

        Args:
            what: Which one.
            say: Told a sentence while another run of upkeep is waited for.

        Raises:
            KeyboardInterrupt: If somebody stopped it, while it waited or worked.
            UnavailableError: If the run failed otherwise than by an error of ours.
        """
        listener = UpkeepListener()
        report_job = dg.define_asset_job(
            REPORT_JOB, selection=dg.AssetSelection.assets(orphan_report)
        )
        job = dg.Definitions(
            assets=[tts_cache_expiry, orphan_report],
            jobs=[tts_cache_expiry_job, report_job],
            executor=dg.in_process_executor,
            resources={**default_resources(), "upkeep_listener": listener},
        ).resolve_job_def(EXPIRY_JOB if what == "expiry" else REPORT_JOB)
        wait_for_turn(
            self._instance,
            POOL,
            waiting=lambda other: say(f"run {other} is at it now; waiting until it is done"),
        )
        require_known_reason(run_here(self._instance, job))
        return listener
