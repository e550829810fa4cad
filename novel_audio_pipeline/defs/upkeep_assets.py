"""The assets of upkeep: the TTS cache kept within its two hours, and what belongs to nothing."""

from collections.abc import Iterator

import dagster as dg

from novel_audio_pipeline.defs.resources import NovelCatalogResource, TtsCacheResource, clock
from novel_audio_pipeline.defs.upkeep_metadata import (
    cache_metadata,
    report_metadata,
    rows_table,
)
from novel_audio_pipeline.defs.upkeep_records import NOT_REMOVED_TAG, NotRemoved, ledger_of
from novel_audio_pipeline.defs.versions import CACHED_TTS_AUDIO, ORGANIZED_AUDIO
from novel_audio_pipeline.errors import NovelAudioError
from novel_audio_pipeline.upkeep.cache_upkeep import CacheRound, run_cache_round
from novel_audio_pipeline.upkeep.expiry import REMOVAL_DELAY
from novel_audio_pipeline.upkeep.listener import UpkeepListener
from novel_audio_pipeline.upkeep.orphan_report import OrphanReport

CODE_VERSION = "1"
OWNERS = ["team:novel-audio"]
POOL = "tts_cache"
WITHIN_ITS_TIME, ENFORCEABLE = "within_its_time", "enforceable"
FREE_OF_ERRORS = "free_of_errors"


@dg.asset(
    deps=[CACHED_TTS_AUDIO],
    group_name="upkeep",
    owners=OWNERS,
    kinds={"filesystem", "tts"},
    tags={"novel_audio/layer": "cache"},
    code_version=CODE_VERSION,
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(
            WITHIN_ITS_TIME,
            asset="tts_cache_expiry",
            description="Nothing in the TTS cache is older than its two hours (and two minutes).",
        ),
        dg.AssetCheckSpec(
            ENFORCEABLE,
            asset="tts_cache_expiry",
            description=(
                "The cache can be looked into and cleared; else cache_not_enforceable: a backend "
                "that clears nothing itself would keep its audio for ever."
            ),
        ),
    ],
    description=(
        "The TTS cache kept within its two hours, whether or not the backend cleans up: what is "
        "past its time is removed, what the library provably holds may go before. One line for "
        "every removal is written to reports/cache_removals-*.jsonl."
    ),
)
def tts_cache_expiry(
    context: dg.AssetExecutionContext,
    tts_cache: TtsCacheResource,
    upkeep_listener: dg.ResourceParam[UpkeepListener],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Expire and evict, then tell what went and what is left."""
    try:
        place = tts_cache.open()
        done = run_cache_round(place, now=clock)
    except NovelAudioError as error:
        upkeep_listener.error = error
        yield _not_enforceable(str(error))
        raise dg.Failure(str(error), allow_retries=False) from error
    except Exception as error:
        upkeep_listener.error = error
        raise
    upkeep_listener.round = done
    context.log.info(_told(done))
    if done.lost:
        context.log.warning(done.lost_sentence())
    if done.refused:
        context.log.error(done.refused)
    not_removed = done.entries_left_overdue  # the sensor asks less often then
    if not_removed or NOT_REMOVED_TAG in context.run.tags:  # as a run made from another has it
        left = NotRemoved(not_removed, done.at)
        context.instance.add_run_tags(context.run.run_id, left.as_tags())
    yield dg.MaterializeResult(metadata=cache_metadata(done, place))
    is_within = not done.left.overdue or done.left.lag <= REMOVAL_DELAY
    yield dg.AssetCheckResult(
        check_name=WITHIN_ITS_TIME,
        passed=is_within and not done.why_not,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "oldest_age_minutes": round(done.left.oldest_age.total_seconds() / 60, 2),
            "overdue_left": done.left.overdue,
            "entries_left": done.left.entries,
        },
    )
    if done.why_not:
        yield _not_enforceable(done.why_not)
    else:
        yield dg.AssetCheckResult(check_name=ENFORCEABLE, passed=True)


@dg.asset(
    deps=[ORGANIZED_AUDIO, tts_cache_expiry],
    group_name="upkeep",
    owners=OWNERS,
    kinds={"table", "parquet"},
    tags={"novel_audio/layer": "report"},
    code_version=CODE_VERSION,
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(
            FREE_OF_ERRORS,
            asset="orphan_report",
            description="Nothing that a record or Dagster refers to is absent or wrong.",
        )
    ],
    description=(
        "What belongs to nothing, and what is referred to and absent, in the TTS cache, the "
        "library, the sources and Dagster's own records. It only looks: nothing is ever deleted by "
        "it. docs/operations.md says what each finding means and what to do."
    ),
)
def orphan_report(
    context: dg.AssetExecutionContext,
    tts_cache: TtsCacheResource,
    novel_catalog: NovelCatalogResource,
    upkeep_listener: dg.ResourceParam[UpkeepListener],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Report what does not fit, as a table in the UI, as Parquet and as CSV."""
    # It loads pandas, half a second that narrating does without.
    from novel_audio_pipeline.upkeep.report import make_report  # noqa: PLC0415

    try:
        place = tts_cache.open()
        report = make_report(
            place=place,
            catalog=novel_catalog.open(),
            ledger=ledger_of(context.instance),
            now=clock,
        )
    except NovelAudioError as error:
        upkeep_listener.error = error
        yield dg.AssetCheckResult(
            check_name=FREE_OF_ERRORS,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"it could not be looked at: {error}",
        )
        raise dg.Failure(str(error), allow_retries=False) from error
    except Exception as error:
        upkeep_listener.error = error
        raise
    upkeep_listener.report = report
    context.log.info(f"{len(report.findings)} findings, {report.count('error')} of them errors")
    yield dg.MaterializeResult(metadata=report_metadata(report, place))
    yield _errors_checked(report)


def _errors_checked(report: OrphanReport) -> dg.AssetCheckResult:
    errors = report.library_errors()
    return dg.AssetCheckResult(
        check_name=FREE_OF_ERRORS,
        passed=errors.empty,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"errors": len(errors), "first": rows_table(report.library_errors_found(rows=20))},
    )


def _not_enforceable(why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=ENFORCEABLE,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"cache_not_enforceable: {why}",
        metadata={"code": "cache_not_enforceable", "why": why},
    )


def _told(done: CacheRound) -> str:
    return (
        f"{done.count('expired')} expired and {done.count('evicted')} evicted; "
        f"{done.left.entries} entries are left, {done.left.overdue} of them overdue"
    )
