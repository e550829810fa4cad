"""Telling from its document which kind of TTS backend answers."""

from novel_audio_pipeline.errors import SettingError
from novel_audio_pipeline.tts_client.dialect import NEEDED_CALLS, Dialect
from novel_audio_pipeline.tts_client.existing_dialects import (
    AppDialect,
    CoquiDialect,
    VieneuDialect,
    ViettsDialect,
)
from novel_audio_pipeline.tts_client.openapi import BackendDocument
from novel_audio_pipeline.tts_client.own_dialect import OwnDialect

DIALECTS: tuple[type[Dialect], ...] = (
    OwnDialect,
    ViettsDialect,
    VieneuDialect,
    AppDialect,
    CoquiDialect,
)


def recognized(document: BackendDocument, *, where: str) -> Dialect:
    """Return the dialect of a backend.

    Each is recognised by what it has, never by what it lacks alone, and a document that fits two is
    that of the one named first in ``DIALECTS``.

    Args:
        document: As the backend gave it.
        where: Its address, for the message.

    Raises:
        SettingError: If it is none of those known here.
    """
    if missing := NEEDED_CALLS - document.calls:
        told = " and ".join(f"{method} {path}" for method, path in sorted(missing))
        raise _unknown(document, where=where, why=f"it has no {told}")
    for dialect in DIALECTS:
        if dialect.matches(document):
            return dialect(document)
    fields = ", ".join(sorted(document.fields)) or "no fields"
    models = ", ".join(sorted(document.models)) or "not listed"
    why = f"its synthesis takes {fields}; its models are {models}"
    raise _unknown(document, where=where, why=why)


def _unknown(document: BackendDocument, *, where: str, why: str) -> SettingError:
    names = ", ".join(dialect.name for dialect in DIALECTS)
    return SettingError(
        f"{where} ({document.title or 'a service without a name'}) is no TTS backend known here "
        f"({names}): {why}. Set TTS_BACKEND_URL to one of these, or unset it for the embedded one"
    )
