"""``backend``: serves the TTS backend."""

import contextlib
import os

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus


@click.command("backend")
def backend_command() -> int:
    """Serve the TTS backend with its two-hour cache on API_HOST and API_PORT, until stopped."""
    # The service and its framework are not loaded for the other commands.
    from novel_audio_pipeline.tts_backend.server import serve  # noqa: PLC0415
    from novel_audio_pipeline.tts_backend.settings import settings_from  # noqa: PLC0415

    ours = CommandContext().settings
    folders = {
        "TTS_STORAGE_DIR": str(ours.cache_dir),
        "NOVEL_AUDIO_LIBRARY_DIR": str(ours.library_dir),
        "NOVEL_AUDIO_NOVELS_DIR": str(ours.novels_dir),
    }
    with contextlib.suppress(KeyboardInterrupt):  # how uvicorn hands on the signal that ended it
        serve(settings_from({**os.environ, **folders}))
    return ExitStatus.DONE
