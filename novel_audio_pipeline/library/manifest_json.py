"""The manifest as JSON, and the playlist. Pure; no files here."""

from pathlib import PurePosixPath

from novel_audio_pipeline.library.layout import paragraph_folder_name, wav_name
from novel_audio_pipeline.library.manifest import ChapterManifest, ManifestEntry
from novel_audio_pipeline.library.strict_json import SCHEMA_VERSION, StrictFields, dump

STATUSES = ("audio", "skipped", "failed", "missing")


def manifest_to_json(manifest: ChapterManifest) -> bytes:
    """Return the content of ``chapter_manifest.json``. Equal manifests give equal bytes."""
    return dump(
        {
            "schemaVersion": SCHEMA_VERSION,
            "novelId": manifest.novel_id,
            "novelTitle": manifest.novel_title,
            "chapterNumber": manifest.number,
            "chapterTitle": manifest.title,
            "scriptDigest": manifest.script_digest,
            "complete": manifest.complete,
            "counts": {status: manifest.count(status) for status in STATUSES},
            "durationSeconds": round(manifest.duration_s, 3),
            "audioFileSize": manifest.size_bytes,
            "paragraphs": [
                _entry_fields(manifest.paragraphs[number]) for number in sorted(manifest.paragraphs)
            ],
        }
    )


def manifest_from_json(data: bytes, *, what: str = "a manifest") -> ChapterManifest:
    """Return the manifest that ``manifest_to_json`` wrote.

    Raises:
        RecordError: If it is damaged, incomplete or of another version.
    """
    fields = StrictFields.parse(data, what=what)
    entries = [_entry(item) for item in fields.objects("paragraphs")]
    return ChapterManifest(
        novel_id=fields.text("novelId"),
        novel_title=fields.text("novelTitle"),
        number=fields.whole("chapterNumber", least=1),
        title=fields.text("chapterTitle"),
        script_digest=fields.text("scriptDigest"),
        complete=fields.flag("complete"),
        paragraphs={entry.number: entry for entry in entries},
    )


def playlist_of(manifest: ChapterManifest) -> bytes:
    """Return ``chapter.m3u8``: the chapter's audio in order, with paths relative to its folder.

    Extended M3U in UTF-8, as RFC 8216 section 4 has ``EXTM3U`` and ``EXTINF``; whole seconds, since
    older players read nothing else.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(manifest.title) or f'Chapter {manifest.number}'}"]
    for number in sorted(manifest.paragraphs):
        entry = manifest.paragraphs[number]
        if entry.status == "audio":
            place = PurePosixPath(paragraph_folder_name(number)) / wav_name(number)
            lines += [f"#EXTINF:{max(1, round(entry.duration_s))},{number}", str(place)]
    return ("\n".join(lines) + "\n").encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _entry_fields(entry: ManifestEntry) -> dict[str, object]:
    fields: dict[str, object] = {"number": entry.number, "status": entry.status}
    if entry.text_key is not None:
        fields |= {
            "textKey": entry.text_key,
            "recordSize": entry.record_size_bytes,
            "recordModifiedNs": entry.record_modified_ns,
        }
    if entry.sha256 is not None:
        fields |= {
            "contentKey": entry.content_key,
            "sha256": entry.sha256,
            "size": entry.size_bytes,
            "modifiedNs": entry.modified_ns,
            "durationSeconds": entry.duration_s,
        }
    if entry.skip_reason is not None:
        fields["reason"] = entry.skip_reason
    if entry.warnings:
        fields["warnings"] = list(entry.warnings)
    return fields


def _entry(fields: StrictFields) -> ManifestEntry:
    number, status = fields.whole("number", least=1), fields.text("status")
    if status not in STATUSES:
        raise fields.wrong("status", f"one of {', '.join(STATUSES)}")
    if status in ("failed", "missing"):
        return ManifestEntry(number=number, status=status)
    is_audio = status == "audio"
    has_key = is_audio and fields.text_or_none("contentKey") is not None
    return ManifestEntry(
        number=number,
        status=status,
        text_key=fields.text("textKey"),
        record_size_bytes=fields.whole("recordSize"),
        record_modified_ns=fields.whole("recordModifiedNs", least=-(2**63)),
        content_key=fields.digest("contentKey") if has_key else None,
        sha256=fields.digest("sha256") if is_audio else None,
        size_bytes=fields.whole("size", least=1) if is_audio else 0,
        modified_ns=fields.whole("modifiedNs", least=-(2**63)) if is_audio else 0,
        duration_s=fields.number("durationSeconds") if is_audio else 0.0,
        skip_reason=None if is_audio else fields.text("reason"),
        warnings=fields.texts("warnings"),
    )
