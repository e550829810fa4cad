"""Making the engines that the settings name."""

from novel_audio_pipeline.tts_backend.engines.base import Engine
from novel_audio_pipeline.tts_backend.engines.espeak import EspeakEngine
from novel_audio_pipeline.tts_backend.engines.openai_server import OpenAiEngine
from novel_audio_pipeline.tts_backend.engines.tone import ToneEngine
from novel_audio_pipeline.tts_backend.settings import BackendSettings


def make_engines(settings: BackendSettings) -> list[Engine]:
    """Return the engines, not started; the first speaks what names no model."""
    if settings.engine == "tone":
        return [
            ToneEngine(
                real_time=settings.tone_real_time,
                workers=settings.engine_workers or 1,
                queue_limit=settings.queue_limit,
            )
        ]
    espeak = EspeakEngine(
        workers=settings.engine_workers,
        queue_limit=settings.queue_limit,
        timeout_s=settings.engine_timeout_s,
    )
    if settings.openai is None:
        return [espeak]
    openai = OpenAiEngine(
        settings.openai,
        workers=settings.engine_workers or 1,
        queue_limit=settings.queue_limit,
        timeout_s=settings.engine_timeout_s,
    )
    return [openai, espeak]
