"""Records and failures as JSON, with the field names that the existing system gave them."""

import math
from datetime import datetime
from typing import get_args

from novel_audio_pipeline.instants import instant_text
from novel_audio_pipeline.library.layout import wav_name
from novel_audio_pipeline.library.record import (
    AudioFacts,
    ParagraphFailure,
    ParagraphRecord,
    ParagraphText,
    Piece,
    RecordError,
    VerifiedBy,
)
from novel_audio_pipeline.library.strict_json import (
    SCHEMA_VERSION,
    StrictFields,
    dump,
)

_CHARS_READ_IN_A_SECOND = (
    200  # the existing system's estimate, kept so that its field keeps its sense
)
_BYTES_PER_MB = 1024 * 1024  # likewise


def record_to_json(record: ParagraphRecord) -> bytes:
    """Return the content of ``paragraph_{number}_metadata.json``."""
    audio = record.audio
    fields = _identity(record.text, record.storage_dir, audio)
    if audio is None:
        fields |= {"status": "skipped", "reason": record.skip_reason, "skipped": True}
        fields |= {"skippedAt": instant_text(record.recorded_at)}
    else:
        fields |= {"status": "audio"} | _provenance(audio)
    fields |= {
        "createdAt": instant_text(audio.created_at if audio else record.recorded_at),
        "recordedAt": instant_text(record.recorded_at),
        "warnings": list(record.warnings),
        "metadata": None,
        "schemaVersion": SCHEMA_VERSION,
    }
    return dump(fields)


def record_from_json(data: bytes, *, what: str = "a record") -> ParagraphRecord:
    """Return the record that ``record_to_json`` wrote; fields that are not ours are passed over.

    Args:
        data: The whole file.
        what: Its path, for the error.

    Raises:
        RecordError: If it is damaged, incomplete, of another version, or contradicts itself.
    """
    fields = StrictFields.parse(data, what=what)
    status = fields.text("status")
    if status not in ("audio", "skipped"):
        raise fields.wrong("status", "audio or skipped")
    try:
        return ParagraphRecord(
            text=_text(fields),
            recorded_at=fields.instant("recordedAt"),
            audio=_audio(fields) if status == "audio" else None,
            skip_reason=fields.text("reason") if status == "skipped" else None,
            warnings=fields.texts("warnings"),
            storage_dir=fields.text("storageDir"),
        )
    except ValueError as error:
        raise RecordError(f"{what}: {error}") from error


def failure_to_json(failure: ParagraphFailure, *, storage_dir: str) -> bytes:
    """Return the content of ``paragraph_{number}_failure.json``."""
    fields = _identity(failure.text, storage_dir, None)
    fields |= {
        "status": "failed",
        "failed": True,
        "error": failure.message,
        "errorClass": failure.error,
        "errorCode": failure.code or None,
        "attempts": failure.attempts,
        "contentKey": failure.content_key,
        "failedAt": instant_text(failure.failed_at),
        "createdAt": instant_text(failure.failed_at),
        "metadata": {"failed": True, "error": failure.message, "status": "failed"},
        "schemaVersion": SCHEMA_VERSION,
    }
    return dump(fields)


def failure_from_json(data: bytes, *, what: str = "a failure") -> ParagraphFailure:
    """Return the failure that ``failure_to_json`` wrote.

    Raises:
        RecordError: If it is damaged, incomplete or of another version.
    """
    fields = StrictFields.parse(data, what=what)
    try:
        return ParagraphFailure(
            text=_text(fields),
            error=fields.text("errorClass"),
            message=fields.text("error"),
            failed_at=fields.instant("failedAt"),
            content_key=fields.text_or_none("contentKey"),
            attempts=fields.whole("attempts"),
            code=fields.text_or_none("errorCode") or "",
        )
    except ValueError as error:
        raise RecordError(f"{what}: {error}") from error


def _identity(text: ParagraphText, storage_dir: str, audio: AudioFacts | None) -> dict[str, object]:
    """Return the fields that all three forms share, in the order the existing system has them."""
    number = text.paragraph_number
    duration = 0.0 if audio is None else audio.duration_s
    size = 0 if audio is None else audio.size_bytes
    file_id = audio.pieces[0].file_id if audio and audio.pieces else None
    chars = len(text.original_text)
    reading = math.ceil(chars / _CHARS_READ_IN_A_SECOND) if audio else 0
    minutes, seconds = divmod(round(duration), 60)
    return {
        "fileId": file_id,
        "novelId": text.novel_id,
        "novelTitle": text.novel_title,
        "chapterNumber": text.chapter_number,
        "chapterTitle": text.chapter_title,
        "paragraphNumber": number,
        "paragraphId": text.paragraph_id,
        "paragraphIndex": number - 1,
        "totalParagraphsInChapter": text.total_paragraphs,
        "storageDir": storage_dir,
        "ttsFileId": file_id,
        "audioURL": None,
        "localAudioPath": f"{storage_dir}/{wav_name(number)}" if audio else None,
        "subtitle": text.original_text,
        "normalizedText": text.spoken_text,
        "text": text.original_text,
        "textStats": {
            "characterCount": chars,
            "wordCount": len(text.original_text.split()),
            "estimatedReadingTimeSeconds": reading,
        },
        "audioDuration": duration,
        "audioDurationFormatted": f"{minutes}:{seconds:02d}",
        "audioFileSize": size,
        "audioFileSizeMB": f"{size / _BYTES_PER_MB:.2f}",
        "sampleRate": None if audio is None else audio.sample_rate_hz,
        "generationParams": {
            "speakerId": None if audio is None else audio.voice,
            "model": None if audio is None else audio.model,
            "speedFactor": None if audio is None else audio.speed,
        },
        "expiresAt": None,
    }


def _provenance(audio: AudioFacts) -> dict[str, object]:
    return {
        "contentKey": audio.content_key,
        "adopted": audio.adopted,
        "sha256": audio.sha256,
        "durationSeconds": audio.duration_s,
        "verifiedBy": audio.verified_by,
        "model": audio.model,
        "voice": audio.voice,
        "language": audio.language,
        "speed": audio.speed,
        "take": audio.take,
        "engine": audio.engine,
        "engineVoice": audio.engine_voice,
        "pieces": [{"contentKey": p.content_key, "fileId": p.file_id} for p in audio.pieces],
    }


def _text(fields: StrictFields) -> ParagraphText:
    return ParagraphText(
        novel_id=fields.text("novelId"),
        novel_title=fields.text("novelTitle"),
        chapter_number=fields.whole("chapterNumber", least=1),
        chapter_title=fields.text("chapterTitle"),
        paragraph_number=fields.whole("paragraphNumber", least=1),
        total_paragraphs=fields.whole("totalParagraphsInChapter"),
        original_text=fields.text("subtitle"),
        spoken_text=fields.text("normalizedText"),
        paragraph_id=fields.text_or_none("paragraphId"),
    )


def _audio(fields: StrictFields) -> AudioFacts:
    adopted = fields.flag("adopted")
    verified_by = fields.text("verifiedBy")
    if verified_by not in get_args(VerifiedBy):
        raise fields.wrong("verifiedBy", f"one of {', '.join(get_args(VerifiedBy))}")
    created_at: datetime = fields.instant("createdAt")
    return AudioFacts(
        content_key=None if adopted else fields.digest("contentKey"),
        sha256=fields.digest("sha256"),
        size_bytes=fields.whole("audioFileSize", least=1),
        duration_s=fields.number("durationSeconds"),
        sample_rate_hz=fields.whole("sampleRate", least=1),
        verified_by=verified_by,  # type: ignore[arg-type]  # just compared with all there are
        created_at=created_at,
        model=fields.text_or_none("model"),
        voice=fields.text_or_none("voice"),
        language=fields.text_or_none("language"),
        speed=fields.number_or_none("speed"),
        take=fields.whole("take"),
        engine=fields.text_or_none("engine"),
        engine_voice=fields.text_or_none("engineVoice"),
        pieces=tuple(
            Piece(content_key=piece.digest("contentKey"), file_id=piece.text("fileId"))
            for piece in fields.objects("pieces")
        ),
    )
