"""What the Dagster UI shows of a narrated chapter: events with metadata and provenance."""

import base64
from collections.abc import Iterator

import dagster as dg

from novel_audio_pipeline.defs.versions import (
    CACHED_TTS_AUDIO,
    CHAPTER_TEXT,
    ORGANIZED_AUDIO,
    SeenVersion,
    latest_materialization_id,
    latest_observation,
    provenance,
    text_observation,
)
from novel_audio_pipeline.narration.outcome import ChapterOutcome, failures_by_message

_FAILURES_NAMED = 5
_SKIPS_SHOWN = 100
_TEXT_SHOWN_CHARS = 120


def chapter_events(
    instance: dg.DagsterInstance,
    outcome: ChapterOutcome,
    *,
    code_version: str,
    picture: bytes | None,
) -> Iterator[dg.AssetMaterialization]:
    """Yield the two materializations of a complete chapter, the cache's first.

    A text that differs from the one observed last is observed first, so that what was made is tied
    to what it was made from.

    Args:
        instance: Where the events go.
        outcome: Of the chapter.
        code_version: Of the assets.
        picture: A small PNG of the chapter's audio, stored with the event, or None.
    """
    seen = latest_observation(instance, outcome.key)
    if seen is None or seen.version != outcome.script_digest:
        observation = text_observation(outcome.key, outcome.script_digest)
        instance.report_runless_asset_event(observation)
        seen = latest_observation(instance, outcome.key)
    yield dg.AssetMaterialization(
        CACHED_TTS_AUDIO,
        partition=str(outcome.key),
        metadata=_cache_metadata(outcome),
        tags=provenance(
            version=outcome.script_digest,
            code_version=code_version,
            upstream=CHAPTER_TEXT,
            seen=seen,
        ),
    )
    cached_id = latest_materialization_id(instance, CACHED_TTS_AUDIO, outcome.key)
    cached = None if cached_id is None else SeenVersion(outcome.script_digest, cached_id)
    yield dg.AssetMaterialization(
        ORGANIZED_AUDIO,
        partition=str(outcome.key),
        metadata=_library_metadata(outcome, picture),
        tags=provenance(
            version=outcome.audio_digest,
            code_version=code_version,
            upstream=CACHED_TTS_AUDIO,
            seen=cached,
        ),
    )


def incomplete_sentence(outcome: ChapterOutcome) -> str:
    """Return why a chapter is not complete, naming the first paragraphs that failed."""
    if outcome.problem:
        return f"{outcome.key}: {outcome.problem}"
    reasons = failures_by_message(outcome.failed)
    named = [f"{which}: {message}" for which, message in reasons[:_FAILURES_NAMED]]
    if len(reasons) > _FAILURES_NAMED:
        named.append(f"and {len(reasons) - _FAILURES_NAMED} other reasons")
    return f"{outcome.key}: {len(outcome.failed)} paragraphs failed: {'; '.join(named)}"


def _cache_metadata(outcome: ChapterOutcome) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "paragraphs_requested": dg.MetadataValue.int(outcome.requests),
        "synthesis_seconds": dg.MetadataValue.float(round(outcome.synthesis_s, 3)),
        "entries_evicted": dg.MetadataValue.int(outcome.evicted),
        "entries_left_to_expire": dg.MetadataValue.int(outcome.left_in_cache),
    }
    if outcome.oldest_expiry is not None:
        metadata["first_entry_expires_at"] = dg.MetadataValue.timestamp(outcome.oldest_expiry)
    return metadata


def _library_metadata(
    outcome: ChapterOutcome, picture: bytes | None
) -> dict[str, dg.MetadataValue]:
    metadata: dict[str, dg.MetadataValue] = {
        "title": dg.MetadataValue.text(outcome.title),
        "paragraphs": dg.MetadataValue.int(outcome.paragraphs),
        "paragraphs_spoken": dg.MetadataValue.int(outcome.spoken),
        "paragraphs_kept": dg.MetadataValue.int(outcome.kept),
        "paragraphs_moved": dg.MetadataValue.int(outcome.moved),
        "paragraphs_skipped": dg.MetadataValue.int(outcome.skipped),
        "audio_minutes": dg.MetadataValue.float(round(outcome.audio_s / 60, 2)),
        "audio_seconds": dg.MetadataValue.float(round(outcome.audio_s, 3)),
        "audio_bytes": dg.MetadataValue.int(outcome.audio_bytes),
        "folder": dg.MetadataValue.path(outcome.folder),
    }
    if picture is not None:
        png = base64.b64encode(picture).decode()
        metadata["waveform"] = dg.MetadataValue.md(f"![waveform](data:image/png;base64,{png})")
    if outcome.skips:
        metadata["skipped_paragraphs"] = dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "paragraph": skip.number,
                        "reason": skip.reason,
                        "text": skip.text[:_TEXT_SHOWN_CHARS],
                    }
                )
                for skip in outcome.skips[:_SKIPS_SHOWN]
            ]
        )
    if outcome.warnings:
        metadata["warnings"] = dg.MetadataValue.json(list(outcome.warnings))
    return metadata
