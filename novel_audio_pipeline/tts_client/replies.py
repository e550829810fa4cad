"""What a TTS backend answers, as plain facts; how it was asked is elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class BackendHealth:
    """What a backend tells about itself.

    Attributes:
        service: Its name, for messages.
        version: Its version, or empty.
        expiry: How long it keeps cache entries, or None if it does not tell.
    """

    service: str
    version: str
    expiry: timedelta | None


@dataclass(frozen=True, slots=True)
class CachedSpeech:
    """Speech that the backend holds in its cache and has given a ``file_id``.

    Attributes:
        file_id: Name of the cache entry, 32 lowercase hex digits.
        already_cached: True if nothing was generated for this request.
        expires_at: When the backend says it goes, or None.
        engine: Engine as reported, with its version, or empty.
        voice: Voice as reported, or empty.
    """

    file_id: str
    already_cached: bool
    expires_at: datetime | None
    engine: str
    voice: str


@dataclass(frozen=True, slots=True)
class SkippedSpeech:
    """The backend will not speak this text, and says so with a success status."""

    reason: str


@dataclass(frozen=True, slots=True)
class DownloadedAudio:
    """The whole body of one download, compared with what its headers promised.

    Attributes:
        data: The WAV.
        sha256: Hex digest of ``data``, computed here.
        verified_by: ``digest`` if the backend's digest is the same, ``size`` if only the length
            is, ``structure`` if it sent neither but the WAV's own length is.
    """

    data: bytes
    sha256: str
    verified_by: str
