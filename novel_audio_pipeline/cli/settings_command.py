"""``settings``: every effective setting, where it came from, and what can be reached with it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, print_table
from novel_audio_pipeline.errors import NovelAudioError, SettingError
from novel_audio_pipeline.settings import Settings
from novel_audio_pipeline.tts_client.http import TtsClient


@dataclass(frozen=True, slots=True)
class Check:
    """Whether something that a setting names can be used.

    Attributes:
        what: Name of the thing.
        ok: Whether it can be used.
        told: What was seen, and what to do if it is not ok.
        is_needed: Whether the command line needs it.
    """

    what: str
    ok: bool
    told: str
    is_needed: bool = True


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def settings_command(*, as_json: bool) -> int:
    """Show every effective setting, where it came from, and what is wrong with it."""
    context = CommandContext()
    settings = context.settings
    origins, of_backend = _origins(context)
    checks = [
        *_folder_checks(settings),
        of_backend,
        _backend_check(settings),
        _daemon_check(context),
    ]
    if as_json:
        print_json(
            {
                "settings": [
                    {"name": name, "value": value, "origin": origin}
                    for name, (value, origin) in origins.items()
                ],
                "checks": [{"what": c.what, "ok": c.ok, "message": c.told} for c in checks],
            }
        )
    else:
        print_table(
            ("setting", "value", "from"),
            ((name, value, origin) for name, (value, origin) in origins.items()),
        )
        print_table(("", "", ""), ((c.what, "ok" if c.ok else "no", c.told) for c in checks))
    return (
        ExitStatus.DONE
        if all(check.ok or not check.is_needed for check in checks)
        else ExitStatus.INCOMPLETE
    )


def _origins(context: CommandContext) -> tuple[dict[str, tuple[str, str]], Check]:
    """Return the pipeline's settings and then the backend's own, and whether those are right.

    Wrong ones of the backend matter only where it is served from here.
    """
    origins, is_ours = dict(context.settings.origins), context.settings.backend_url is None
    what = "backend's settings"
    try:
        theirs = context.backend_settings.origins
    except SettingError as error:
        return origins, Check(what, ok=False, told=str(error), is_needed=is_ours)
    told = "right" if is_ours else "right; TTS_BACKEND_URL is another backend, with its own"
    own = {name: found for name, found in theirs.items() if name not in origins}
    return origins | own, Check(what, ok=True, told=told)


def _folder_checks(settings: Settings) -> Iterator[Check]:
    """Yield whether each folder can be read, or written where we write."""
    if settings.novels_dir.is_dir() and os.access(settings.novels_dir, os.R_OK):
        yield Check("novels folder", ok=True, told=str(settings.novels_dir))
    else:
        told = f"{settings.novels_dir} is no folder that can be read; make it, put novels there"
        yield Check("novels folder", ok=False, told=told)
    for what, folder in (
        ("library", settings.library_dir),
        ("TTS cache", settings.cache_dir),
        ("Dagster's data", settings.dagster_dir),
    ):
        writable = os.access(_nearest(folder), os.W_OK)
        told = str(folder) if writable else f"{folder} cannot be written; change its permissions"
        yield Check(what, ok=writable, told=told)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _backend_check(settings: Settings) -> Check:
    """Return whether the backend answers; the embedded one starts with each narration."""
    if settings.backend_url is None:
        return Check("TTS backend", ok=True, told="embedded; started by each narration")
    try:
        told = asyncio.run(_backend_health(settings, settings.backend_url))
    except NovelAudioError as error:
        return Check("TTS backend", ok=False, told=str(error))
    return Check("TTS backend", ok=True, told=told)


async def _backend_health(settings: Settings, url: str) -> str:
    async with TtsClient(url, token=settings.backend_token) as client:
        health = await client.health()
    kept = "does not tell its cache life" if health.expiry is None else f"keeps {health.expiry}"
    return f"{url}: {health.service} {health.version}, {kept}"


def _daemon_check(context: CommandContext) -> Check:
    """Return whether Dagster's daemon runs, which sensors and schedules need."""
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.cli.dagster_runs import DagsterRuns  # noqa: PLC0415

    if DagsterRuns().daemon_is_alive():
        return Check("Dagster daemon", ok=True, told="running")
    told = "not running: sensors, schedules and backfills wait until novel-audio up is started"
    return Check("Dagster daemon", ok=False, told=told, is_needed=False)
