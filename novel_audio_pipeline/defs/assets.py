"""The assets from text to audio: chapter_text -> cached_tts_audio -> organized_audio."""

import contextlib
from collections.abc import Iterator

import dagster as dg

from novel_audio_pipeline.defs.audio_checks import (
    CHECK_SPECS,
    checks_after_run,
)
from novel_audio_pipeline.defs.automation import (
    CACHED_AUDIO_CONDITION,
    ORGANIZED_AUDIO_CONDITION,
)
from novel_audio_pipeline.defs.dead_runs import process_tags
from novel_audio_pipeline.defs.events import chapter_events, incomplete_sentence
from novel_audio_pipeline.defs.partitions import CHAPTERS_PER_RUN, chapter_keys, chapters
from novel_audio_pipeline.defs.resources import (
    AudioLibraryResource,
    NovelCatalogResource,
    TtsBackendResource,
    clock,
)
from novel_audio_pipeline.defs.versions import (
    CACHED_TTS_AUDIO,
    CHAPTER_TEXT,
    ORGANIZED_AUDIO,
    observed_digests,
    text_observation,
)
from novel_audio_pipeline.errors import (
    NotFoundError,
    NovelAudioError,
    SourceError,
    StorageError,
    WrongAudioError,
)
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.listener import NarrationListener
from novel_audio_pipeline.narration.narrate import narrate
from novel_audio_pipeline.narration.outcome import ChapterOutcome
from novel_audio_pipeline.narration.picture import chapter_waveform
from novel_audio_pipeline.narration.progress import ProgressCounts

CODE_VERSION = "1"
OWNERS = ["team:novel-audio"]


@dg.multi_observable_source_asset(  # type: ignore[untyped-decorator]  # as Dagster has it
    name="observe_chapter_text",
    specs=[
        dg.AssetSpec(
            CHAPTER_TEXT,
            skippable=True,
            partitions_def=chapters,
            group_name="novels",
            owners=OWNERS,
            kinds={"text"},
            tags={"novel_audio/layer": "source"},
            code_version=CODE_VERSION,
            description=(
                "The text of a chapter as it will be spoken (its script). It is not made here but "
                "observed: its data version is the digest of the script, so a chapter whose text "
                "or voice changed shows as stale downstream. Observations are no materializations: "
                "'0% filled' is normal."
            ),
        )
    ],
    partitions_def=chapters,
)
def chapter_text(
    context: dg.AssetExecutionContext, novel_catalog: NovelCatalogResource
) -> Iterator[dg.ObserveResult]:
    """Observe the selected chapters whose text differs from what was observed last."""
    observed = observed_digests(context.instance)
    catalog = novel_catalog.open()
    keys, _ = chapter_keys(context.partition_keys)
    missing: list[str] = []
    for key in keys:
        try:
            digest = catalog.script(key).digest
        except (NotFoundError, SourceError) as error:
            missing.append(f"{key}: {error}")
            continue
        if observed.get(str(key)) != digest:
            context.log_event(text_observation(key, digest))
    if missing:
        raise dg.Failure("; ".join(missing), allow_retries=False)
    yield from ()  # each chapter has its own event; one result for all would overwrite them


@dg.multi_asset(
    name="narrate_chapters",
    specs=[
        dg.AssetSpec(
            CACHED_TTS_AUDIO,
            deps=[CHAPTER_TEXT],
            skippable=True,
            group_name="narration",
            owners=OWNERS,
            kinds={"tts", "wav"},
            tags={"novel_audio/layer": "cache"},
            code_version=CODE_VERSION,
            automation_condition=CACHED_AUDIO_CONDITION,
            description=(
                "Speech of a chapter as the TTS backend made and cached it: temporary, gone after "
                "two hours at the latest. Tells what was requested, what was evicted after it was "
                "filed, and what is left to expire."
            ),
        ),
        dg.AssetSpec(
            ORGANIZED_AUDIO,
            deps=[CACHED_TTS_AUDIO],
            skippable=True,
            group_name="narration",
            owners=OWNERS,
            kinds={"wav", "filesystem"},
            tags={"novel_audio/layer": "library"},
            code_version=CODE_VERSION,
            automation_condition=ORGANIZED_AUDIO_CONDITION,
            description=(
                "The permanent audio of a chapter in the library: one WAV and one record for each "
                "paragraph, verified and durable. A chapter is materialized only when every "
                "paragraph is accounted for."
            ),
        ),
    ],
    partitions_def=chapters,
    check_specs=CHECK_SPECS,
    can_subset=False,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=CHAPTERS_PER_RUN),
    pool="tts_backend",
)
def narrate_chapters(
    context: dg.AssetExecutionContext,
    novel_catalog: NovelCatalogResource,
    audio_library: AudioLibraryResource,
    tts_backend: TtsBackendResource,
    narration_listener: dg.ResourceParam[NarrationListener],
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult]:
    """Narrate the chapters of this run; each is materialized as soon as it is complete."""
    library = audio_library.open()
    context.instance.add_run_tags(context.run.run_id, process_tags(context.run.run_id))
    keys, others = chapter_keys(context.partition_keys)
    keys = sorted(keys)  # of one novel after another: each is read once
    incomplete = [f"{text}: no chapter key looks like this (so-do/0007 does)" for text in others]
    outcomes: list[ChapterOutcome] = []
    try:
        with (
            tts_backend.running() as settings,
            contextlib.closing(
                iter(
                    narrate(
                        keys,
                        settings=settings,
                        library=library,
                        scripts=novel_catalog.open().scripts,
                        now=clock,
                        listener=narration_listener.progress,
                    )
                )
            ) as happenings,
        ):
            for outcome in _outcomes(context, happenings):
                narration_listener.outcome(outcome)
                outcomes.append(outcome)
                if outcome.state != "complete":
                    incomplete.append(_reported(context, outcome))
                    continue
                picture = _picture(context, library, outcome)
                yield from chapter_events(
                    context.instance, outcome, code_version=CODE_VERSION, picture=picture
                )
        if context.selected_asset_check_keys:
            yield from checks_after_run(context.instance, library, outcomes, evict=settings.evict)
    except NovelAudioError as error:
        narration_listener.ended(error)
        raise dg.Failure(str(error), allow_retries=False) from error
    if incomplete:
        raise dg.Failure(
            f"{len(incomplete)} of {len(keys) + len(others)} chapters are incomplete, the others "
            f"are done: {'; '.join(incomplete)}",
            allow_retries=False,
        )


def _picture(
    context: dg.AssetExecutionContext, library: AudioLibrary, outcome: ChapterOutcome
) -> bytes | None:
    """Return the picture of a chapter's audio; without one, the chapter is as good as with it."""
    try:
        return chapter_waveform(library, outcome.key)
    except (WrongAudioError, StorageError) as error:
        context.log.warning(
            f"{outcome.key}: audio in {outcome.folder} cannot be drawn ({error}); look closer with "
            "novel-audio library check --read-data"
        )
        return None


def _outcomes(
    context: dg.AssetExecutionContext, happenings: Iterator[ChapterOutcome | ProgressCounts]
) -> Iterator[ChapterOutcome]:
    """Yield what became of each chapter; lines about the progress go to the run's log."""
    for happening in happenings:
        if isinstance(happening, ProgressCounts):
            context.log.info(happening.line())
        else:
            yield happening


def _reported(context: dg.AssetExecutionContext, outcome: ChapterOutcome) -> str:
    """Log why a chapter is incomplete, and return it as a sentence."""
    sentence = incomplete_sentence(outcome)
    context.log.error(sentence)
    return sentence
