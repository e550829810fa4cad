"""Records, failures and manifests as files: what is written is read, and nothing else is."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.manifest_json import (
    manifest_from_json,
    manifest_to_json,
    playlist_of,
)
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphFailure,
    ParagraphRecord,
    ParagraphText,
    Piece,
    RecordError,
    text_key,
)
from novel_audio_pipeline.library.record_json import (
    failure_from_json,
    failure_to_json,
    record_from_json,
    record_to_json,
)
from novel_audio_pipeline_tests.library.making import MiniScript

DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
SECONDS = st.floats(0, 1e6)

paragraph_texts = st.builds(
    ParagraphText,
    novel_id=TEXTS,
    novel_title=TEXTS,
    chapter_number=st.integers(1, 10**6),
    chapter_title=TEXTS,
    paragraph_number=st.integers(1, 10**6),
    total_paragraphs=st.integers(0, 10**6),
    original_text=TEXTS,
    spoken_text=TEXTS,
    paragraph_id=st.none() | TEXTS,
)
audio = st.builds(
    AudioFacts,
    content_key=st.none() | DIGESTS,
    sha256=DIGESTS,
    size_bytes=st.integers(1, 10**9),
    duration_s=SECONDS,
    sample_rate_hz=st.integers(1, 192_000),
    verified_by=st.sampled_from(["digest", "folder", "size", "structure"]),
    created_at=INSTANTS,
    model=st.none() | TEXTS,
    voice=st.none() | TEXTS,
    language=st.none() | TEXTS,
    speed=st.none() | st.floats(0.25, 4),
    take=st.integers(0, 99),
    engine=st.none() | TEXTS,
    engine_voice=st.none() | TEXTS,
    pieces=st.lists(st.builds(Piece, content_key=DIGESTS, file_id=TEXTS), max_size=3).map(tuple),
)
warnings = st.lists(TEXTS, max_size=2).map(tuple)
records = st.builds(
    ParagraphRecord,
    text=paragraph_texts,
    recorded_at=INSTANTS,
    audio=audio,
    warnings=warnings,
    storage_dir=TEXTS,
) | st.builds(
    ParagraphRecord,
    text=paragraph_texts,
    recorded_at=INSTANTS,
    skip_reason=TEXTS.filter(bool),
    warnings=warnings,
    storage_dir=TEXTS,
)
failures = st.builds(
    ParagraphFailure,
    text=paragraph_texts,
    error=TEXTS,
    message=TEXTS,
    failed_at=INSTANTS,
    content_key=st.none() | TEXTS,
    attempts=st.integers(0, 9),
)
entries = st.one_of(
    st.builds(ManifestEntry, number=st.integers(1, 99), status=st.just("missing")),
    st.builds(ManifestEntry, number=st.integers(1, 99), status=st.just("failed")),
    st.builds(
        ManifestEntry,
        number=st.integers(1, 99),
        status=st.just("skipped"),
        text_key=TEXTS,
        record_size_bytes=st.integers(0),
        record_modified_ns=st.integers(-(2**63), 2**63),
        skip_reason=TEXTS,
        warnings=warnings,
    ),
    st.builds(
        ManifestEntry,
        number=st.integers(1, 99),
        status=st.just("audio"),
        content_key=st.none() | DIGESTS,
        text_key=TEXTS,
        sha256=DIGESTS,
        size_bytes=st.integers(1),
        modified_ns=st.integers(-(2**63), 2**63),
        duration_s=SECONDS,
        record_size_bytes=st.integers(0),
        record_modified_ns=st.integers(-(2**63), 2**63),
        warnings=warnings,
    ),
)


@given(record=records)
def test_a_record_is_read_as_it_was_written(record):
    assert record_from_json(record_to_json(record)) == record


@given(failure=failures)
def test_a_failure_is_read_as_it_was_written(failure):
    assert failure_from_json(failure_to_json(failure, storage_dir="x")) == failure


@given(found=st.lists(entries, max_size=5), title=TEXTS, complete=st.booleans())
def test_a_manifest_is_read_as_it_was_written(found, title, complete):
    manifest = ChapterManifest(
        novel_id="so-do",
        novel_title=title,
        number=3,
        title=title,
        script_digest="d",
        complete=complete,
        paragraphs={entry.number: entry for entry in found},
    )
    assert manifest_from_json(manifest_to_json(manifest)) == manifest


@given(data=st.binary(max_size=60))
def test_rubbish_is_a_record_error_and_nothing_else(data):
    for read in (record_from_json, failure_from_json, manifest_from_json):
        with pytest.raises(RecordError):
            read(data)


@given(record=records, data=st.data())
def test_a_damaged_record_is_a_record_error_or_still_a_record(record, data):
    fields = json.loads(record_to_json(record))
    name = data.draw(st.sampled_from(sorted(fields)))
    other = data.draw(st.sampled_from([None, [], {}, "", "x", -1, 1e400, True, 10**400]))
    fields[name] = other
    with suppress(RecordError):
        assert record_from_json(json.dumps(fields).encode()).text.paragraph_number >= 1


@given(record=records, keep=st.floats(0, 1))
def test_a_record_cut_short_is_a_record_error(record, keep):
    data = record_to_json(record)
    with pytest.raises(RecordError):
        record_from_json(data[: int(len(data) * keep * 0.999)], what="x")


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1" + "0" * 400, "-1", "true", '"1"'])
def test_a_duration_that_is_no_number_of_seconds_is_named(seconds):
    text = json.dumps(audio_fields() | {"durationSeconds": "here"}).replace('"here"', seconds)
    with pytest.raises(RecordError, match="durationSeconds"):
        record_from_json(text.encode())


def audio_fields() -> dict[str, object]:
    record = MiniScript(["Hai người đi ra."], number=7).record(1)
    return json.loads(record_to_json(record))


def test_an_audio_record_has_the_existing_fields_and_nothing_that_expires():
    fields = audio_fields()
    existing = (
        "fileId novelId novelTitle chapterNumber chapterTitle paragraphNumber paragraphId "
        "paragraphIndex totalParagraphsInChapter storageDir ttsFileId audioURL localAudioPath "
        "subtitle normalizedText text textStats audioDuration audioDurationFormatted audioFileSize "
        "audioFileSizeMB sampleRate generationParams expiresAt"
    )
    assert list(fields)[:24] == existing.split()
    assert set(fields) >= {"createdAt", "metadata", "schemaVersion", "contentKey", "sha256"}
    assert (fields["expiresAt"], fields["audioURL"]) == (None, None)
    assert (fields["paragraphNumber"], fields["paragraphIndex"]) == (1, 0)
    assert fields["textStats"] == {
        "characterCount": 16,
        "wordCount": 4,
        "estimatedReadingTimeSeconds": 1,
    }
    assert fields["audioDurationFormatted"] == "0:00"
    assert fields["createdAt"].endswith("Z")


def test_a_skip_says_so_in_both_ways_that_readers_know():
    fields = json.loads(record_to_json(MiniScript(["-"]).record(1)))
    assert (fields["skipped"], fields["status"]) == (True, "skipped")
    assert fields["reason"] == "no_letter_or_digit"
    assert (fields["localAudioPath"], fields["audioFileSize"]) == (None, 0)
    assert "sha256" not in fields


def test_a_record_of_the_existing_system_or_a_newer_one_is_not_taken_for_ours():
    fields = audio_fields()
    for version in (None, 2, "1"):
        with pytest.raises(RecordError, match="adopt it"):
            record_from_json(json.dumps(fields | {"schemaVersion": version}).encode())


def test_what_is_wrong_is_named():
    with pytest.raises(RecordError, match=r"novel/x.json: sha256 must be 64 .* got 'abc'"):
        record_from_json(
            json.dumps(audio_fields() | {"sha256": "abc"}).encode(), what="novel/x.json"
        )


def test_the_held_key_of_adopted_audio_is_its_text():
    text = MiniScript(["Ừ."]).text(1)
    adopted = AudioFacts(
        content_key=None,
        sha256="0" * 64,
        size_bytes=1,
        duration_s=1,
        sample_rate_hz=1,
        verified_by="structure",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    record = ParagraphRecord(text, datetime(2026, 1, 1, tzinfo=UTC), audio=adopted)
    assert record.held_key == text_key("Ừ.")
    assert text_key("Ừ.") != text_key("Ừ")


def test_a_record_is_audio_or_a_skip():
    text = MiniScript(["Ừ."]).text(1)
    for audio_and_reason in ({}, {"skip_reason": ""}):
        with pytest.raises(ValueError, match="either"):
            ParagraphRecord(text, datetime(2026, 1, 1, tzinfo=UTC), **audio_and_reason)


def test_a_playlist_lists_the_audio_in_order_with_relative_paths():
    entries = {
        2: ManifestEntry(2, "audio", duration_s=61.6),
        1: ManifestEntry(1, "audio", duration_s=0.2),
        3: ManifestEntry(3, "skipped"),
    }
    manifest = ChapterManifest("so-do", "Số Đỏ", 1, "Một\n#EXT", "d", True, entries)  # noqa: FBT003 - a test
    assert playlist_of(manifest).decode().splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:Một #EXT",
        "#EXTINF:1,1",
        "paragraph_001/paragraph_001.wav",
        "#EXTINF:62,2",
        "paragraph_002/paragraph_002.wav",
    ]
