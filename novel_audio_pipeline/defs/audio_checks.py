"""The checks on organized_audio: after each run of its chapters, and by hand of everything."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import dagster as dg

from novel_audio_pipeline.defs.partitions import chapters, known_chapters
from novel_audio_pipeline.defs.resources import AudioLibraryResource
from novel_audio_pipeline.defs.versions import ORGANIZED_AUDIO
from novel_audio_pipeline.library.check import check_library
from novel_audio_pipeline.library.check_chapter import check_chapter
from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.narration.outcome import ChapterOutcome

ACCOUNTED_FOR = "every_paragraph_accounted_for"
INTACT = "audio_intact"
CACHE_EMPTY = "cache_emptied"
LIBRARY_SOUND = "library_sound"
_ROWS_SHOWN = 100
_RESULTS_LOOKED_AT = 100  # runs that wait have one, too, which says nothing yet
_CLOCK_STEP = timedelta(minutes=1)
_GONE_WRONG = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

CHECK_SPECS = [
    dg.AssetCheckSpec(
        ACCOUNTED_FOR,
        asset=ORGANIZED_AUDIO,
        description=(
            "Every paragraph of every chapter that was narrated has audio, or a reason why not. "
            "Lists the chapters that fall short, also of earlier runs."
        ),
    ),
    dg.AssetCheckSpec(
        INTACT,
        asset=ORGANIZED_AUDIO,
        description=(
            "The audio of a run's chapters stands as their records say, by size and date; what was "
            "spoken was decoded and compared when it came. A warning means: look or listen."
        ),
    ),
    dg.AssetCheckSpec(
        CACHE_EMPTY,
        asset=ORGANIZED_AUDIO,
        description="What was filed is gone from the TTS cache, unless it was to be left to expire.",
    ),
]


def checks_after_run(
    instance: dg.DagsterInstance,
    library: AudioLibrary,
    outcomes: Sequence[ChapterOutcome],
    *,
    evict: str,
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results for the chapters of a run, and for those that failed before.

    Raises:
        StorageError: If the library cannot be read.
    """
    # First, as it may take long: a run that fails meanwhile is still seen below.
    findings = [finding for one in outcomes if one.folder for finding in _of(library, one)]
    short = {str(one.key): one.problem or f"{len(one.failed)} failed" for one in outcomes
             if one.state != "complete"}  # fmt: skip
    done = {str(one.key) for one in outcomes if one.state == "complete"}
    for key in _failed_before(instance):
        if key not in done:
            short.setdefault(key, "failed in an earlier run")
    left = sum(one.left_in_cache for one in outcomes)
    yield _accounted(short)
    yield _judged(INTACT, findings, looked_at=f"{len(outcomes)} chapters, by size and date")
    yield dg.AssetCheckResult(
        check_name=CACHE_EMPTY,
        passed=left == 0 or evict == "never",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "entries_evicted": sum(one.evicted for one in outcomes),
            "entries_left_to_expire": left,
        },
    )


@dg.asset_check(
    asset=ORGANIZED_AUDIO,
    name=LIBRARY_SOUND,
    description=(
        "The whole library, every WAV read, hashed and decoded, every paragraph accounted for. "
        "Execute it from here: runs do not, they check their own chapters."
    ),
)
def library_sound(audio_library: AudioLibraryResource) -> dg.AssetCheckResult:
    """Check everything that stands in the library against its records."""
    findings = list(check_library(audio_library.open(), read_share=1.0))
    return _judged(LIBRARY_SOUND, findings, looked_at="the whole library, read and decoded")


def _of(library: AudioLibrary, outcome: ChapterOutcome) -> Iterable[Finding]:
    return check_chapter(
        library.store,
        PurePosixPath(outcome.folder),
        place=(outcome.key.novel_id, outcome.key.number),
        read=lambda _path: False,
    )


def _failed_before(instance: dg.DagsterInstance) -> list[str]:
    """Return the chapters whose last narration failed, by Dagster's own records."""
    if _nothing_was_short(instance):
        return []
    statuses = instance.get_status_by_partition(ORGANIZED_AUDIO, known_chapters(instance), chapters)
    return [
        key
        for key, status in (statuses or {}).items()
        if status is not None and status.name == "FAILED"
    ]


def _nothing_was_short(instance: dg.DagsterInstance) -> bool:
    """Return whether the last result found no chapter short, and no run has gone wrong since.

    Then there is nothing to be found among all chapters, which costs more than a second of a run's
    time when there are 100,000. False if it cannot be told.
    """
    results = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(ORGANIZED_AUDIO, ACCOUNTED_FOR), limit=_RESULTS_LOOKED_AT
    )
    last = next((result for result in results if result.status.value != "PLANNED"), None)
    if last is None or last.event is None or last.status.value != "SUCCEEDED":
        return False
    since = datetime.fromtimestamp(last.event.timestamp, tz=UTC) - _CLOCK_STEP
    return not instance.get_runs(dg.RunsFilter(statuses=_GONE_WRONG, updated_after=since), limit=1)


def _accounted(short: dict[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=ACCOUNTED_FOR,
        passed=not short,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "chapters_short": len(short),
            **_table(({"chapter": key, "why": why} for key, why in sorted(short.items()))),
        },
    )


def _judged(name: str, findings: Sequence[Finding], *, looked_at: str) -> dg.AssetCheckResult:
    """Return an ERROR for what is wrong, a WARN for what someone should look at or listen to."""
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    rows = ({"finding": f.code, "path": f.path, "why": f.message} for f in [*errors, *warnings])
    return dg.AssetCheckResult(
        check_name=name,
        passed=not errors and not warnings,
        severity=dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        metadata={
            "errors": len(errors),
            "warnings": len(warnings),
            "looked_at": looked_at,
            **_table(rows),
        },
    )


def _table(rows: Iterable[dict[str, str]]) -> dict[str, dg.MetadataValue]:
    records = [dg.TableRecord(row) for row, _ in zip(rows, range(_ROWS_SHOWN), strict=False)]
    return {"what_falls_short": dg.MetadataValue.table(records)} if records else {}
