"""``cache list`` and ``cache expire``: what lies in the TTS cache, and what of it is over."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

import click

from novel_audio_pipeline.cli.context import CommandContext
from novel_audio_pipeline.cli.exit_status import ExitStatus
from novel_audio_pipeline.cli.printing import print_json, print_table, say
from novel_audio_pipeline.upkeep.audit import Removal
from novel_audio_pipeline.upkeep.cache_place import CachePlace, cache_place
from novel_audio_pipeline.upkeep.cache_upkeep import evictable
from novel_audio_pipeline.upkeep.eviction import HELD_BY_LIBRARY
from novel_audio_pipeline.upkeep.expiry import Judged

if TYPE_CHECKING:
    from novel_audio_pipeline.upkeep.cache_inventory import CacheInventory


class CacheRow(TypedDict):
    """One thing in the cache, in the JSON of both commands.

    ``file_id`` is null for what is no entry; ``state`` is ``live``, ``expired``, ``kept``, or after
    an expiry ``removed``; ``reason`` says why, and is empty for a plain live entry.
    """

    file_id: str | None
    age_s: float
    bytes: int
    state: str
    reason: str
    name: str


@click.group("cache")
def cache_group() -> None:
    """Look at the TTS cache, and remove what is past its two hours."""


@cache_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def cache_list_command(*, as_json: bool) -> int:
    """List what lies in the TTS cache, oldest first. Nothing is changed."""
    place = cache_place(CommandContext().settings)
    found = _look(place)
    _print(_rows(found.judged), as_json=as_json)
    _say_where(place, found, is_empty=not found.judged)
    return ExitStatus.INCOMPLETE if found.why_not else ExitStatus.DONE


@cache_group.command("expire")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def cache_expire_command(*, dry_run: bool, as_json: bool) -> int:
    """Remove from the TTS cache what is past its time, as the hourly round in the UI does.

    Also what the library provably holds, unless NOVEL_AUDIO_EVICT is never.
    """
    context = CommandContext()
    place = cache_place(context.settings)
    if dry_run:
        found = _look(place)
        expired = [one for one in found.judged if one.state == "expired"]
        held, refused = evictable(place, found.judged)
        evicted = [row | {"reason": HELD_BY_LIBRARY} for row in _rows(held)]
        _print([*_rows(expired), *evicted], as_json=as_json)
        _say_where(place, found, is_empty=not found.judged)
        if refused:
            say(refused)
        return ExitStatus.INCOMPLETE if found.why_not or refused else ExitStatus.DONE
    place.folder()  # a wrong setting ends it here, before a run is started
    context.prepare_dagster()
    # Dagster takes seconds to load, which the other commands need not wait for.
    from novel_audio_pipeline.defs.upkeep_runs import UpkeepRuns  # noqa: PLC0415

    listener = UpkeepRuns().run("expiry", say=say)
    if listener.round is None:
        raise listener.error or RuntimeError("the run ended without a result; the UI shows why")
    done = listener.round
    _print([_removed(one) for one in done.removed], as_json=as_json)
    say(
        f"{done.count('expired')} expired, {done.count('evicted')} evicted (the library holds "
        f"them), {done.left.entries} left, {done.left.overdue} of these past their time"
    )
    if done.lost:
        say(done.lost_sentence())
    if done.why_not:
        say(f"cache_not_enforceable: {done.why_not}")
    if done.refused:
        say(done.refused)
    is_done = not (done.why_not or done.refused or done.left.overdue)
    return ExitStatus.DONE if is_done else ExitStatus.INCOMPLETE


def _look(place: CachePlace) -> "CacheInventory":
    # pandas takes half a second to load, which the other commands need not wait for.
    from novel_audio_pipeline.upkeep.cache_inventory import (  # noqa: PLC0415
        take_cache_inventory,
    )

    return take_cache_inventory(place, now=datetime.now(UTC))


def _rows(judged: Iterable[Judged]) -> list[CacheRow]:
    return [
        CacheRow(
            file_id=one.seen.file_id or None,
            age_s=round(one.age.total_seconds(), 3),
            bytes=one.seen.size_bytes,
            state=one.state,
            reason=one.reason,
            name=one.seen.name,
        )
        for one in judged
    ]


def _removed(one: Removal) -> CacheRow:
    return CacheRow(
        file_id=one.file_id or None,
        age_s=round(one.age.total_seconds(), 3),
        bytes=one.size_bytes,
        state="removed",
        reason=one.reason,
        name=one.name,
    )


def _print(rows: list[CacheRow], *, as_json: bool) -> None:
    if as_json:
        print_json({"entries": rows})
        return
    print_table(
        ("entry", "age (min)", "bytes", "state", "reason"),
        (
            (row["name"], row["age_s"] / 60, row["bytes"], row["state"], row["reason"])
            for row in rows
        ),
    )


def _say_where(place: CachePlace, found: "CacheInventory", *, is_empty: bool) -> None:
    if found.why_not:
        say(f"cache_not_enforceable: {found.why_not}")
    elif is_empty and place.backend_url is None and not place.root.is_dir():
        say(f"there is no TTS cache at {place.root} yet: nothing has been spoken")
