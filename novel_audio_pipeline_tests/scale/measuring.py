"""What is measured over a large library, one part after the other, and the budget of each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from novel_audio_pipeline.defs.partitions import known_chapters
from novel_audio_pipeline_tests.scale.browsing import asked_alone, browse
from novel_audio_pipeline_tests.scale.daemon import (
    Backfill,
    Tick,
    backfill,
    more_ticks,
    start_sensor,
    stop_sensor,
)
from novel_audio_pipeline_tests.scale.discovering import Discovery, discover
from novel_audio_pipeline_tests.scale.house import (
    NULL_ENGINE,
    Running,
    ScaleHouse,
    fill_library,
    fill_records,
    house_in,
    look_back,
    up,
    write_sources,
)
from novel_audio_pipeline_tests.scale.measures import Measure, told
from novel_audio_pipeline_tests.scale.sources import Size, novel_id, write_novel

PAGE_BUDGET_S = 30.0  # of the 60 s that Dagster gives a tick: half is not near
TICK_BUDGET_S = 10.0
QUERY_BUDGET_S, CLICK_BUDGET_S = 2.0, 3.0
NEW_CHAPTERS = 5
QUERIES_SHOWN = 6  # the slowest
LAUNCH_BUDGET_S, CHAPTERS_A_SECOND = 2.0, 8.0
DISCOVERY, AUTOMATION = "new_chapters_sensor", "narration_automation_sensor"
PARTS = ("commands", "ticks", "browser", "automation", "backfill")
_UNCHANGED = "No source has changed."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        size: Of the library.
        parts: Which of ``PARTS``.
        backfill: How many chapters are narrated by a backfill.
        ticks: How many ticks of each kind are looked at.
        pages: How many pages of the first discovery the real daemon does.
        shots: Folder for pictures of the browser, or None.
    """

    size: Size
    parts: Sequence[str]
    backfill: int
    ticks: int = 2
    pages: int = 3
    shots: Path | None = None


def measure(folder: Path, plan: Plan) -> list[Measure]:
    """Measure over the library in a folder, which is made first if it is not there."""
    house, measures = house_in(folder, plan.size), list[Measure]()
    if not house.home.path.exists():
        measures += made(house, plan)
    if "commands" in plan.parts:
        measures += commands(house)
    if set(plan.parts) - {"commands"}:
        with up(house) as running, house.instance() as instance:
            if "ticks" in plan.parts:
                measures += unchanged_ticks(running, plan)
            if "browser" in plan.parts:
                measures += clicks(running, plan)
            if "automation" in plan.parts:
                measures += automation(house, running, plan)
            if "backfill" in plan.parts:
                measures += backfilled(running, instance, plan)
    return measures


def made(house: ScaleHouse, plan: Plan) -> Iterator[Measure]:
    """Make the library; its first discovery is measured on the way."""
    with told(f"{plan.size.novels} novels of {plan.size.chapters} chapters"):
        write_sources(house)
    yield from first_discovery(house, plan)
    with told("records in bulk"):
        fill_records(house)
    with told("audio in bulk"):
        fill_library(house)
    with house.instance() as instance, told("reading the records back"):
        print(f"  {look_back(house, instance)}")


def first_discovery(house: ScaleHouse, plan: Plan) -> Iterator[Measure]:
    """The first pages in the daemon, which also writes them; the others as the sensor finds them."""
    with up(house) as running, told(f"{plan.pages} pages in the daemon"):
        written = more_ticks(running, DISCOVERY, plan.pages, timeout_s=120 * plan.pages)
    yield Measure(
        "first discovery, a page in the daemon, written",
        max(tick.seconds for tick in written),
        budget=PAGE_BUDGET_S,
        remark=f"longest of {len(written)}: {written[-1].said}",
    )
    with house.instance() as instance, told("the other pages"):
        found = discover(house, instance)
    yield from _found(found)


def _found(found: Discovery) -> Iterator[Measure]:
    if found.pages:
        yield Measure(
            "first discovery, a page, before it is written",
            max(found.seconds),
            budget=PAGE_BUDGET_S,
            remark=f"longest of {len(found.pages)} pages with {sum(found.pages)} chapters, "
            f"{sum(found.seconds):.0f} s together",
        )


def unchanged_ticks(running: Running, plan: Plan) -> Iterator[Measure]:
    """Ticks over sources in which nothing has changed, once all have been read again."""
    with told("discovery, ticks"):
        seen: list[Tick] = []
        while sum(tick.said == _UNCHANGED for tick in seen) < plan.ticks:
            seen += more_ticks(running, DISCOVERY, 1, timeout_s=180)
            print(f"    {seen[-1].seconds:.1f} s: {seen[-1].said}", flush=True)
    yield from _ticks("discovery tick, nothing changed", [t for t in seen if t.said == _UNCHANGED])


def automation(house: ScaleHouse, running: Running, plan: Plan) -> Iterator[Measure]:
    """Ticks of the automation: its first, idle ones, and those that see new chapters."""
    start_sensor(running, AUTOMATION)
    with told("automation, ticks"):
        seen = more_ticks(running, AUTOMATION, plan.ticks + 1, timeout_s=180 * (plan.ticks + 1))
    yield from _ticks("automation tick, the first", seen[:1])
    yield from _ticks("automation tick, nothing changed", seen[1:])
    before = len(house.catalog.scripts(novel_id(1)))
    write_novel(house.home.novels, 1, before + NEW_CHAPTERS)
    with told(f"automation, {NEW_CHAPTERS} new chapters"):
        seen = []
        while not any(tick.requested for tick in seen):
            seen += more_ticks(running, AUTOMATION, 1, timeout_s=300)
    yield from _ticks(f"automation tick that asks for {NEW_CHAPTERS} new chapters", seen[-1:])
    stop_sensor(running, AUTOMATION)


def _ticks(what: str, ticks: Sequence[Tick]) -> Iterator[Measure]:
    failed = [tick.said for tick in ticks if tick.status == "FAILURE"]
    assert not failed, failed
    yield Measure(
        what,
        max(tick.seconds for tick in ticks),
        budget=TICK_BUDGET_S,
        remark=", ".join(f"{tick.seconds:.2f}" for tick in ticks),
    )


def clicks(running: Running, plan: Plan) -> Iterator[Measure]:
    """What a person does in the browser, and the queries behind it."""
    with told("in the browser"):
        steps = browse(
            running.url,
            novel=novel_id(plan.size.novels // 2),
            chapters=plan.size.chapters,
            shots=plan.shots,
        )
        alone = asked_alone(running.url, steps)
    for step in steps:
        yield Measure(f"browser: {step.what}", step.seconds, budget=CLICK_BUDGET_S)
    for name, seconds in list(alone.items())[:QUERIES_SHOWN]:
        beside = max(q.seconds for step in steps for q in step.queries if q.name == name)
        yield Measure(
            f"query {name}",
            seconds,
            budget=QUERY_BUDGET_S,
            remark=f"alone; at most {beside:.2f} s beside the others of a page",
        )


def backfilled(running: Running, instance: dg.DagsterInstance, plan: Plan) -> Iterator[Measure]:
    """A backfill of chapters that are missing, with an engine that takes no time."""
    made = instance.get_materialized_partitions(dg.AssetKey("organized_audio"))
    missing = [key for key in known_chapters(instance) if key not in made]
    keys = missing[: plan.backfill]
    with told(f"a backfill of {len(keys)} chapters"):
        before = running.cpu_s()
        done = backfill(running, instance, keys, timeout_s=3600)
        cpu_s = running.cpu_s() - before
    assert done.failed == 0, done
    yield from _backfill(done, len(keys), cpu_s)


def _backfill(done: Backfill, chapters: int, cpu_s: float) -> Iterator[Measure]:
    yield Measure(
        f"backfill of {chapters} chapters, launched", done.launch_s, budget=LAUNCH_BUDGET_S
    )
    yield Measure(
        "the same, narrated",
        chapters / done.busy_s,
        unit="chapters/s",
        budget=CHAPTERS_A_SECOND,
        at_least=True,
        remark=f"{done.runs} runs, {done.busy_s:.0f} s busy, {done.wall_s:.0f} s until "
        f"{done.status}; {cpu_s:.0f} CPU seconds of everything",
    )


def commands(house: ScaleHouse) -> Iterator[Measure]:
    """Commands that people type."""
    again = ("narrate", novel_id(1), "--chapters", "1-25")
    for arguments in (("novels",), ("status",), again):
        command = " ".join(arguments)
        with told(f"novel-audio {command}"):
            started = time.perf_counter()
            with house.home.start(*arguments, **NULL_ENGINE) as process:
                output, _ = process.communicate()  # minutes, which Home.run would not wait for
            seconds = time.perf_counter() - started
        lines = len(output.splitlines())
        yield Measure(f"novel-audio {command}", seconds, remark=f"{lines} lines")
