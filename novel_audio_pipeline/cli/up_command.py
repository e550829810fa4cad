"""``up``: TTS backend, Dagster daemon and web UI together, stopped together."""

import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import say
from novel_audio_pipeline.cli.up_family import MARK, watched_family
from novel_audio_pipeline.errors import SettingError, UnavailableError
from novel_audio_pipeline.settings import PROJECT_ROOT

_POLL_S = 0.5


@click.command("up")
@click.option("--ui-port", default=3000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--ui-host", default="127.0.0.1", show_default=True)
def up_command(*, ui_port: int, ui_host: str) -> int:
    """Start the TTS backend, Dagster's daemon and its web UI; Ctrl-C stops all of them.

    With TTS_BACKEND_URL set, no backend is started.
    """
    context = CommandContext()
    settings = context.settings
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.cli.dagster_runs import DagsterRuns  # noqa: PLC0415

    settings.novels_dir.mkdir(parents=True, exist_ok=True)
    environ = dict(os.environ)
    commands = _dagster_commands(ui_host, ui_port)
    if settings.backend_url is None:
        port = environ.setdefault("API_PORT", "11111")
        if port == "0":
            raise SettingError("API_PORT=0 is any port, which runs could not find; choose one")
        environ["TTS_BACKEND_URL"] = f"http://127.0.0.1:{port}"
        commands["TTS backend"] = [sys.executable, "-m", "novel_audio_pipeline", "backend"]
    with watched_family(settings.dagster_dir) as mark:
        for run_id in DagsterRuns().end_dead_runs():
            say(f"run {run_id} was left by a process that is gone; it is ended")
        say(f"novels: {settings.novels_dir}\nlibrary: {settings.library_dir}")
        say(f"web UI: http://{ui_host}:{ui_port} (in a few seconds); Ctrl-C stops everything")
        try:
            _run_together(commands, {**environ, MARK: mark})
        except KeyboardInterrupt:
            say("stopping ...")
        finally:
            _hear_no_more()
    return ExitStatus.DONE


def _dagster_commands(host: str, port: int) -> dict[str, list[str]]:
    workspace = ["-w", str(PROJECT_ROOT / "workspace.yaml")]
    return {
        "Dagster daemon": [sys.executable, "-m", "dagster._daemon", "run", *workspace],
        "web UI": [
            *(sys.executable, "-m", "dagster_webserver", *workspace),
            *("-h", host, "-p", str(port)),
        ],
    }


def _run_together(commands: dict[str, list[str]], environ: dict[str, str]) -> NoReturn:
    """Run programs until the caller is interrupted or one of them ends; the others go on.

    Raises:
        UnavailableError: If one ended by itself.
    """
    children = {
        # In sessions of their own, so that Ctrl-C is ours and they are stopped in order.
        name: subprocess.Popen(command, env=environ, start_new_session=True)
        for name, command in commands.items()
    }
    while True:
        for name, child in children.items():
            if (status := child.poll()) is not None:
                raise UnavailableError(
                    f"{name} ended by itself with status {status}; its lines above say why"
                )
        time.sleep(_POLL_S)


def _hear_no_more() -> None:
    """Let no further signal break off the stopping."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
