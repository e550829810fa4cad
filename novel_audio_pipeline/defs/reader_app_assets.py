"""The asset that lets a reader app play the library: organized_audio -> reader_app_audio."""

from collections.abc import Iterator

import dagster as dg

from novel_audio_pipeline.defs.partitions import CHAPTERS_PER_RUN, chapter_keys, chapters
from novel_audio_pipeline.defs.reader_app_events import (
    CODE_VERSION,
    READER_APP_AUDIO,
    published_event,
)
from novel_audio_pipeline.defs.reader_app_resource import ReaderAppResource
from novel_audio_pipeline.defs.resources import clock
from novel_audio_pipeline.defs.versions import ORGANIZED_AUDIO
from novel_audio_pipeline.errors import NovelAudioError
from novel_audio_pipeline.library.finding import Finding
from novel_audio_pipeline.novels.model import ChapterKey
from novel_audio_pipeline.reader_app.check import check_published
from novel_audio_pipeline.reader_app.outcome import PublishedChapter
from novel_audio_pipeline.reader_app.place import OpenPlace
from novel_audio_pipeline.reader_app.publish import Publisher

PLAYS = "published_audio_plays"
_SHOWN = 20
_NOT_THE_APPS = ("novel_not_in_app", "app_id_unfit")


@dg.multi_asset(
    name="publish_chapters",
    specs=[
        dg.AssetSpec(
            READER_APP_AUDIO,
            deps=[ORGANIZED_AUDIO],
            skippable=True,
            group_name="publishing",
            owners=["team:novel-audio"],
            kinds={"sqlite", "filesystem"},
            tags={"novel_audio/layer": "publishing"},
            code_version=CODE_VERSION,
            description=(
                "A chapter as the reader app plays it: a link from the app's static folder to the "
                "library, and a row for each paragraph whose text is the app's. Off until "
                "NOVEL_AUDIO_READER_DATABASE and NOVEL_AUDIO_READER_STATIC_ROOT are set. "
                "docs/reader-app.md tells how to move over, and how to go back."
            ),
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            PLAYS,
            asset=READER_APP_AUDIO,
            description="Every row that was published leads to its file, and no link dangles.",
        )
    ],
    partitions_def=chapters,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=CHAPTERS_PER_RUN),
    pool="reader_app",
)
def publish_chapters(
    context: dg.AssetExecutionContext, reader_app: ReaderAppResource
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult]:
    """Publish the chapters of this run; each is materialized if the app plays all it has of it."""
    keys, _ = chapter_keys(context.partition_keys)
    incomplete: list[str] = []
    try:
        with reader_app.place().opened(writable=True) as place:
            publisher = Publisher(place, now=clock)
            for chapter in publisher.publish(keys):
                if _is_none_of_the_apps(chapter):
                    context.log.info(_sentence(chapter))
                elif chapter.state == "published":
                    yield published_event(context.instance, chapter)
                else:
                    incomplete.append(_sentence(chapter))
            if publisher.backup:
                context.log.info(f"The database as it was before is in {publisher.backup}")
            yield _checked(place, keys)
    except NovelAudioError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    if incomplete:
        raise dg.Failure(
            f"{len(incomplete)} of {len(keys)} chapters are not wholly published, the others are: "
            f"{'; '.join(incomplete)}",
            allow_retries=False,
        )


def _is_none_of_the_apps(chapter: PublishedChapter) -> bool:
    """Return whether the app has not imported the novel, and so cannot play it."""
    return any(finding.code in _NOT_THE_APPS for finding in chapter.findings)


def _sentence(chapter: PublishedChapter) -> str:
    told = [f"{f.path} {f.message} {f.advice}" for f in chapter.findings[:_SHOWN]]
    return f"{chapter.key}: {chapter.withheld} paragraphs are not published: {' '.join(told)}"


def _checked(place: OpenPlace, keys: list[ChapterKey]) -> dg.AssetCheckResult:
    findings = _findings(place, keys)
    return dg.AssetCheckResult(
        check_name=PLAYS,
        passed=not any(finding.severity == "error" for finding in findings),
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "findings": len(findings),
            "first": dg.MetadataValue.json(
                [f"{f.code} {f.path}: {f.message}" for f in findings[:_SHOWN]]
            ),
        },
    )


def _findings(place: OpenPlace, keys: list[ChapterKey]) -> list[Finding]:
    novel_ids = {key.novel_id for key in keys}
    return list(check_published(place, novel_ids, only=keys)) if keys else []
