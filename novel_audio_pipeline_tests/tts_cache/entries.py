"""Making cache entries for tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_cache.metadata import EntryMetadata

TTL = timedelta(hours=2)
NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
ID = "0123456789abcdef" * 2
WAV = b"RIFF-some-audio"


def make_cache(root: Path) -> CacheFolder:
    cache = CacheFolder(root)
    cache.prepare()
    return cache


def make_metadata(
    file_id: str = ID, *, wav: bytes = WAV, at: datetime = NOW, text: str = "Ừ."
) -> EntryMetadata:
    return EntryMetadata(
        file_id=file_id,
        text=text,
        model="espeak",
        voice="vi",
        language="vi",
        speed=1.0,
        take=0,
        content_key=file_id * 2,
        created_at=at,
        expires_at=at + TTL,
        expiry_hours=2,
        size_bytes=len(wav),
        sample_rate_hz=22050,
        duration_s=0.5,
        sha256=hashlib.sha256(wav).hexdigest(),
        request_id="r",
        engine="espeak-ng 1.52.0",
    )


def store(cache: CacheFolder, file_id: str = ID, *, age: timedelta = timedelta(0)) -> None:
    cache.store(WAV, make_metadata(file_id, at=NOW - age))


def names(root: Path) -> set[str]:
    """Return the paths of all files below the root but the folder's own two."""
    own = {".lock", ".first_seen.json"}
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
    return found - own
