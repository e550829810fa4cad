"""``backend``: serves the TTS backend."""

import contextlib

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus


@click.command("backend")
def backend_command() -> int:
    """Serve the TTS backend with its two-hour cache on API_HOST and API_PORT, until stopped."""
    # The service and its framework are not loaded for the other commands.
    from novel_audio_pipeline.tts_backend.server import serve  # noqa: PLC0415

    with contextlib.suppress(KeyboardInterrupt):  # how uvicorn hands on the signal that ended it
        serve(CommandContext().backend_settings)
    return ExitStatus.DONE
