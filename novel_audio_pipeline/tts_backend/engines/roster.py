"""Making the engines that the settings name."""

from collections.abc import Callable, Mapping

from novel_audio_pipeline.tts_backend.engines.base import Engine
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.hibari import HibariEngine
from novel_audio_pipeline.tts_backend.engines.openai_server import OpenAiEngine
from novel_audio_pipeline.tts_backend.engines.piper import PiperEngine
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline.tts_backend.engines.worker_engine import Children
from novel_audio_pipeline.tts_backend.settings import BackendSettings, EngineName


def make_engines(settings: BackendSettings) -> list[Engine]:
    """Return the engines, not started; the first speaks what names no model.

    ``espeak`` stands behind the others for what they do not speak, unless there is ``tone``.

    Raises:
        SettingError: If the package or the voice of one is not there.
    """
    names = list(settings.engines)
    if not {"espeak", "tone"} & set(names):
        names.append("espeak")
    return [_MAKERS[name](settings) for name in names]


def _children(settings: BackendSettings) -> Children:
    return Children(
        workers=settings.engine_workers,
        queue_limit=settings.queue_limit,
        timeout_s=settings.engine_timeout_s,
    )


def _espeak(settings: BackendSettings) -> Engine:
    return EspeakEngine(**_children(settings))


def _hibari(settings: BackendSettings) -> Engine:
    return HibariEngine(**_children(settings))


def _piper(settings: BackendSettings) -> Engine:
    assert settings.piper_voice is not None  # noqa: S101  # settings_from demands it
    return PiperEngine(settings.piper_voice, **_children(settings))


def _openai(settings: BackendSettings) -> Engine:
    assert settings.openai is not None  # noqa: S101  # settings_from demands it
    return OpenAiEngine(
        settings.openai,
        workers=settings.engine_workers or 1,
        queue_limit=settings.queue_limit,
        timeout_s=settings.engine_timeout_s,
    )


def _tone(settings: BackendSettings) -> Engine:
    return ToneEngine(
        real_time=settings.tone_real_time,
        workers=settings.engine_workers or 1,
        queue_limit=settings.queue_limit,
    )


_MAKERS: Mapping[EngineName, Callable[[BackendSettings], Engine]] = {
    "espeak": _espeak,
    "hibari": _hibari,
    "piper": _piper,
    "openai": _openai,
    "tone": _tone,
}
