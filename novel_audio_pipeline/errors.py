"""Every error this project raises on purpose. What may be tried again is decided here, by class.

    NovelAudioError
    ├── TransientError               asking again may help
    │   ├── BackendUnreachableError    no answer: refused, reset, timed out, 502, 504
    │   ├── BackendBusyError           408, 429, other 5xx; carries Retry-After
    │   ├── AudioTransferError         body shorter than promised, digest differs
    │   └── CacheEntryGoneError        404 for a file_id just handed out
    │       └── ExpiredBeforeDownloadError  gone each time it was asked for
    └── PermanentError               asking again gives the same
        ├── UsageError                 exit status 2: wrong use
        │   ├── SettingError             a setting is wrong or contradicts another
        │   └── NotFoundError            no such novel, chapter or paragraph
        ├── SourceError                a novel cannot be read; the others go on
        ├── RecordError                a record or manifest cannot be read (library/record.py)
        ├── SpeechRefusedError         the backend refuses this text or voice
        ├── WrongAudioError            what came is no speech: silent, empty, no WAV
        └── UnavailableError           exit status 3: could not
            ├── BackendDownError         waited for the backend as long as allowed
            └── StorageError             disk full, read-only, failing, or not readable

``TransientError`` or not *is* the retry policy; nothing is decided by the text of a message. A
message says what was tried, on what, why it failed, and what to do.
"""

from datetime import timedelta


class NovelAudioError(Exception):
    """Base of every error raised on purpose.

    Attributes:
        code: Stable name of what happened, ``lower_snake_case``, for records and JSON.
    """

    code: str = "error"


class TransientError(NovelAudioError):
    """Asking again may help."""


class BackendUnreachableError(TransientError):
    """The TTS backend gave no answer: refused, reset or timed out, or a proxy says so (502, 504)."""

    code = "backend_unreachable"


class BackendBusyError(TransientError):
    """The TTS backend answered that it cannot now (408, 429, 5xx but 502 and 504).

    Attributes:
        retry_after: How long it asks to be left alone, or None.
    """

    code = "backend_busy"

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AudioTransferError(TransientError):
    """A download differs from what the backend promised: length or digest."""

    code = "audio_transfer"


class CacheEntryGoneError(TransientError):
    """404 for a ``file_id`` just handed out: another chapter shared the entry and evicted it."""

    code = "cache_entry_gone"


class ExpiredBeforeDownloadError(CacheEntryGoneError):
    """Speech was made each time it was asked for, and each time gone before it was downloaded."""

    code = "expired_before_download"


class PermanentError(NovelAudioError):
    """Asking again gives the same."""


class UsageError(PermanentError):
    """The program was used wrongly (exit status 2)."""


class SettingError(UsageError):
    """A setting is wrong, or contradicts another."""

    code = "wrong_setting"


class NotFoundError(UsageError):
    """No such novel, chapter or paragraph."""

    code = "not_found"


class SourceError(PermanentError):
    """A source of novels cannot be read. The other sources go on.

    Attributes:
        code: Stable name of the problem, ``lower_snake_case``.
        source: Path of the source, as text.
    """

    def __init__(self, message: str, *, code: str, source: str) -> None:
        super().__init__(message)
        self.code = code
        self.source = source


class SpeechRefusedError(PermanentError):
    """The backend refuses this text, voice or model; asking again gives the same.

    Attributes:
        code: The backend's stable error code, or ``http_<status>``.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class WrongAudioError(PermanentError):
    """What came is no speech: not a WAV, without frames, silent throughout."""

    code = "wrong_audio"


class UnavailableError(PermanentError):
    """Something outside is down or broken; nothing was lost (exit status 3)."""


class BackendDownError(UnavailableError):
    """The TTS backend did not come back within the time it is waited for."""

    code = "backend_down"


class StorageError(UnavailableError):
    """A disk is full, read-only, failing, or a folder cannot be read."""

    code = "storage"
