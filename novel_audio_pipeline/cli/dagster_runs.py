"""Running assets from the command line: the same assets on the same Dagster instance as the UI's."""

from collections.abc import Mapping

import dagster as dg

from novel_audio_pipeline.defs.assets import chapter_text, narrate_chapters
from novel_audio_pipeline.defs.dead_runs import end_dead_runs
from novel_audio_pipeline.defs.instance import open_instance
from novel_audio_pipeline.defs.jobs import narrate_job
from novel_audio_pipeline.defs.partitions import (
    add_chapters,
    contiguous_ranges,
    known_chapters,
    range_tags,
)
from novel_audio_pipeline.defs.resources import default_resources
from novel_audio_pipeline.defs.starting_runs import (
    require_known_reason,
    run_here,
    wait_for_turn,
)
from novel_audio_pipeline.defs.versions import (
    CACHED_TTS_AUDIO,
    changed_chapters,
    narrated_digests,
    observed_digests,
    organized_versions,
    text_observation,
)
from novel_audio_pipeline.narration.listener import NarrationListener
from novel_audio_pipeline.novels.model import ChapterKey

_POOL = "tts_backend"
_NARRATIONS_LOOKED_AT = 50


class DagsterRuns:
    """Dagster's side of the command line; needs ``DAGSTER_HOME``."""

    def __init__(self) -> None:
        """Open the instance.

        Raises:
            SettingError: If ``DAGSTER_HOME`` or the version of the records is wrong.
        """
        self._instance = open_instance()

    def materialized_digests(self) -> Mapping[str, str]:
        """Return for each materialized chapter key the digest of the script it was made from."""
        organized = organized_versions(self._instance)
        digests = narrated_digests(self._instance)
        return {key: digest for key, digest in digests.items() if key in organized}

    def end_dead_runs(self) -> list[str]:
        """End the runs of dead processes, freeing their places; return their ids."""
        return end_dead_runs(self._instance)

    def daemon_is_alive(self) -> bool:
        """Return whether Dagster's daemon has been heard of lately."""
        statuses = self._instance.get_daemon_statuses()
        return any(status.healthy for status in statuses.values())

    def seconds_a_request(self) -> float | None:
        """Return how long a speech request has taken in the last narrations, None if there are none."""
        records = self._instance.fetch_materializations(
            CACHED_TTS_AUDIO, limit=_NARRATIONS_LOOKED_AT
        )
        requests = seconds = 0.0
        for record in records.records:
            made = record.asset_materialization
            if made is not None:
                requests += float(str(made.metadata["paragraphs_requested"].value))
                seconds += float(str(made.metadata["synthesis_seconds"].value))
        return seconds / requests if requests else None

    def narrate(self, digests: Mapping[ChapterKey, str], *, listener: NarrationListener) -> None:
        """Observe the chapters, then narrate them in runs of at most 25.

        Args:
            digests: Digest of the script of each chapter to narrate.
            listener: Told what happens; also of an error that ends a run, after which there is
                no further run.

        Raises:
            KeyboardInterrupt: If somebody stopped it; what was downloaded is committed.
            UnavailableError: If a run failed otherwise than by an error or by chapters told of.
        """
        changed = changed_chapters(
            digests,
            observed=observed_digests(self._instance),
            known=known_chapters(self._instance),
        )
        add_chapters(self._instance, changed)
        for key, digest in changed.items():
            self._instance.report_runless_asset_event(text_observation(key, digest))
        job = dg.Definitions(
            assets=[chapter_text, narrate_chapters],
            jobs=[narrate_job],
            executor=dg.in_process_executor,
            resources={**default_resources(), "narration_listener": listener},
        ).resolve_job_def("narrate_job")
        known = known_chapters(self._instance)
        for first, last in contiguous_ranges({str(key) for key in digests}, known):
            wait_for_turn(
                self._instance,
                _POOL,
                waiting=lambda other: listener.waiting(
                    f"run {other} is narrating now; waiting until it is done"
                ),
            )
            result = run_here(self._instance, job, tags=range_tags(first, last))
            if listener.is_over:
                return
            require_known_reason(result)
