"""The command line ``novel-audio``: its group, its exit statuses, Ctrl-C."""

import logging
import signal
import sys
from types import FrameType

import click

from novel_audio_pipeline.cli.backend_command import backend_command
from novel_audio_pipeline.cli.cache_commands import cache_group
from novel_audio_pipeline.cli.demo_command import demo_command
from novel_audio_pipeline.cli.exit_status import ExitStatus, status_of
from novel_audio_pipeline.cli.library_group import library_group
from novel_audio_pipeline.cli.narrate_command import narrate_command
from novel_audio_pipeline.cli.novels_commands import novels_command, script_command
from novel_audio_pipeline.cli.printing import say
from novel_audio_pipeline.cli.settings_command import settings_command
from novel_audio_pipeline.cli.status_command import status_command
from novel_audio_pipeline.cli.up_command import up_command
from novel_audio_pipeline.errors import NovelAudioError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Turn novels into a permanent, verified library of spoken audio.

    Exit status: 0 done; 1 done, but something is incomplete or was found; 2 wrong use or settings;
    3 could not (backend down, disk full, unwritable); 130 interrupted, with what was downloaded
    committed.
    """


for command in (
    novels_command,
    script_command,
    narrate_command,
    status_command,
    cache_group,
    library_group,
    settings_command,
    demo_command,
    backend_command,
    up_command,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit with its status."""
    logging.captureWarnings(capture=True)
    _interrupt_at_signals()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors become one sentence on stderr."""
    try:
        status = cli.main(arguments, prog_name="novel-audio", standalone_mode=False)
    except NovelAudioError as error:
        say(f"novel-audio: {error}")
        return status_of(error)
    except click.ClickException as error:
        error.show()
        return ExitStatus.USAGE
    except (KeyboardInterrupt, click.Abort):
        say("novel-audio: interrupted; what was done so far stays, run it again to go on")
        return ExitStatus.INTERRUPTED
    except OSError as error:
        if _came_of_an_interrupt(error):  # a closed terminal was to be told of it
            return ExitStatus.INTERRUPTED
        raise
    return int(status or 0)


def _came_of_an_interrupt(error: BaseException) -> bool:
    """Return whether an error was raised while an interrupt was being dealt with, however deep."""
    context = error.__context__
    return context is not None and (
        isinstance(context, KeyboardInterrupt) or _came_of_an_interrupt(context)
    )


def _interrupt_at_signals() -> None:
    """Let SIGTERM, and a terminal that closes (unless nohup says otherwise), end as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does at this moment: while it executes a run, Dagster hears it in its own way."""
    of_ctrl_c = signal.getsignal(signal.SIGINT)
    if callable(of_ctrl_c):
        of_ctrl_c(number, frame)
    else:
        raise KeyboardInterrupt
