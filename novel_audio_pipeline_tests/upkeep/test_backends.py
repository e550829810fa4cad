"""The two hours enforced behind every backend there is, in every time zone, over folder and HTTP."""

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from novel_audio_pipeline.errors import BackendBusyError, BackendUnreachableError, StorageError
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline_tests.dialects.serving import served_dialect
from novel_audio_pipeline_tests.tts_backend.serving import served
from novel_audio_pipeline_tests.upkeep.places import SPOILED, TTL, House, set_date, spoil_knowledge

DIALECTS = ("app", "vieneu", "coqui", "viettts")
ENTRIES = 20


@contextlib.contextmanager
def filled(
    name: str, root: Path, *, utc_offset: timedelta
) -> Iterator[tuple[str, Path, list[str]]]:
    """Serve a backend that has made its entries; yield its address, folder and their ids."""
    if name == "own":
        with served(root) as own:
            ids = [str(own.record(f"Câu số {n}.")["file_id"]) for n in range(ENTRIES + 1)]
            # The clock of the test's backend stands still; the one of upkeep is the system's.
            own.clock.move(datetime.now(UTC) - own.clock())
            yield own.url, own.cache.root, ids
    else:
        with served_dialect(name, root / "audio", utc_offset=utc_offset) as other:
            yield other.url, other.root, other.make(ENTRIES + 1)


@pytest.mark.parametrize("name", ["own", *DIALECTS])
@pytest.mark.parametrize("record", ["whole", "torn", "missing"])
def test_behind_every_backend_what_is_old_is_gone_and_what_is_young_stays(tmp_path, name, record):
    with filled(name, tmp_path, utc_offset=timedelta(hours=7)) as (url, root, ids):
        house = House(tmp_path, datetime.now(UTC), backend_url=url, is_chosen=True, cache_root=root)
        *old, young = ids
        for file_id in ids:
            age = timedelta(hours=1, minutes=59) if file_id == young else TTL + timedelta(minutes=1)
            set_date(root / f"{file_id}.wav", house.now - age)
            path = root / "metadata" / f"{file_id}.json"
            if record == "torn":
                path.write_bytes(path.read_bytes()[:40])
            elif record == "missing":
                path.unlink()
        done = house.round()
        assert [path.stem for path in root.glob("*.wav")] == [young]
        assert {path.stem for path in (root / "metadata").iterdir()} <= {young}
        assert {line["file_id"] for line in house.audit()} == set(old)
        assert (done.count("expired"), done.left.entries, done.left.overdue) == (ENTRIES, 1, 0)
        assert done.why_not == ""


@contextlib.contextmanager
def wall_clock(monkeypatch: pytest.MonkeyPatch, zone: str) -> Iterator[None]:
    """Let this process, and so the pipeline, live in a time zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        yield
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.parametrize("hours", [-8, 0, 7, 14])
@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Ho_Chi_Minh", "America/Los_Angeles", "Europe/Berlin"]
)
def test_no_time_zone_on_either_side_moves_the_two_hours(tmp_path, monkeypatch, hours, zone):
    offset = timedelta(hours=hours)
    with (
        wall_clock(monkeypatch, zone),
        served_dialect("vieneu", tmp_path / "audio", utc_offset=offset) as other,
    ):
        ids = other.make(2)
        other.set_age(ids[0], TTL + timedelta(seconds=1))
        other.set_age(ids[1], TTL - timedelta(seconds=30))
        house = House(
            tmp_path,
            datetime.now(UTC),
            backend_url=other.url,
            is_chosen=True,
            cache_root=other.root,
        )
        house.round()
        assert [path.stem for path in other.root.glob("*.wav")] == [ids[1]]


@pytest.mark.parametrize(
    ("now", "hour"),
    [
        # Europe goes to summer time at 01:00 UTC, and back: an hour is missing, or told twice.
        pytest.param(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), 3, id="to summer time"),
        pytest.param(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 2, id="back"),
    ],
)
def test_a_change_to_or_from_summer_time_moves_nothing(tmp_path, monkeypatch, now, hour):
    with wall_clock(monkeypatch, "Europe/Berlin"):
        assert datetime.fromtimestamp(now.timestamp()).hour == hour  # noqa: DTZ006  (the wall's)
        house = House(tmp_path, now)
        for file_id, age in (("a" * 32, TTL), ("b" * 32, TTL - timedelta(seconds=1))):
            path = house.store(file_id, age=age)
            # As a backend writes it that knows no zone: the time of the clock on its wall.
            expires_at = datetime.fromtimestamp(path.stat().st_mtime) + TTL  # noqa: DTZ006
            record = house.place.root / "metadata" / f"{file_id}.json"
            record.write_text(json.dumps({"expires_at": expires_at.isoformat()}))
        assert [removal.file_id for removal in house.round().removed] == ["a" * 32]


def test_a_cache_on_another_machine_is_enforced_over_http(tmp_path):
    with served(tmp_path) as own:
        own.clock.move(datetime.now(UTC) - own.clock())
        ids = [str(own.record(text)["file_id"]) for text in ("Một.", "Hai.")]
        own.clock.move(timedelta(hours=1, minutes=30))
        ids.append(str(own.record("Ba.")["file_id"]))
        own.clock.move(timedelta(minutes=31))
        house = House(tmp_path, datetime.now(UTC), backend_url=own.url)
        done = house.round()
        assert {removal.file_id for removal in done.removed} == set(ids[:2])
        assert [one.seen.file_id for one in done.judged] == ids[2:]
        assert [entry.file_id for entry in own.cache.entries()] == ids[2:]
        assert (done.why_not, done.left.entries) == ("", 1)
        assert {line["place"] for line in house.audit()} == {own.url}


@pytest.mark.parametrize("how", SPOILED)
def test_what_is_deleted_over_http_is_written_down_also_if_nothing_can_be_known(tmp_path, how):
    with served(tmp_path) as own:
        own.clock.move(datetime.now(UTC) - own.clock())
        file_id = own.record("Một.")["file_id"]
        own.clock.move(TTL)
        house = House(tmp_path, datetime.now(UTC), backend_url=own.url)
        spoil_knowledge(house, how)
        house.round()
        assert list(own.cache.entries()) == []
        assert [(line["file_id"], line["in_library"]) for line in house.audit()] == [
            (file_id, "unknown")
        ]


@contextlib.contextmanager
def overdue_elsewhere(root: Path, *, entries: int) -> Iterator[House]:
    """Serve a backend of ours whose entries are past their time; yield a house that asks it."""
    with served(root) as own:
        own.clock.move(datetime.now(UTC) - own.clock())
        for number in range(entries):
            own.record(f"Câu {number}.")
        own.clock.move(TTL)
        yield House(root, datetime.now(UTC), backend_url=own.url)


def test_one_entry_that_a_backend_does_not_delete_holds_up_no_other(tmp_path, monkeypatch):
    remove, tried = CacheFolder.remove, list[str]()

    def not_the_second(folder: CacheFolder, file_id: str) -> bool:
        tried.append(file_id)
        if len(tried) == 2:
            raise StorageError("the disk reports an input/output error")
        return remove(folder, file_id)

    with overdue_elsewhere(tmp_path, entries=5) as house:
        monkeypatch.setattr(CacheFolder, "remove", not_the_second)
        done = house.round()
        assert "answered 500 to DELETE" in done.refused
        assert done.why_not == ""  # it can be looked into and cleared, but for one
        assert {line["file_id"] for line in house.audit()} == {*tried} - {tried[1]}
        assert done.left.overdue == 1
        assert len(tried) == 5


def test_what_was_deleted_over_http_before_the_backend_went_is_written_down(tmp_path, monkeypatch):
    evict, gone = TtsClient.evict, list[str]()

    async def one_and_no_more(client: TtsClient, file_id: str) -> bool:
        if gone:
            raise BackendUnreachableError("no answer any more")
        gone.append(file_id)
        return await evict(client, file_id)

    with overdue_elsewhere(tmp_path, entries=3) as house:
        monkeypatch.setattr(TtsClient, "evict", one_and_no_more)
        done = house.round()
    assert done.why_not == "no answer any more"
    assert [line["file_id"] for line in house.audit()] == gone
    assert done.left.overdue == 2


@pytest.mark.parametrize(("retry_after", "asked"), [(None, 3), (timedelta(seconds=1), 1)])
def test_a_backend_that_deletes_nothing_does_not_enforce_the_two_hours(
    tmp_path, monkeypatch, retry_after, asked
):
    tried: list[str] = []

    async def busy(_client: TtsClient, file_id: str) -> bool:
        tried.append(file_id)
        raise BackendBusyError("not now", retry_after=retry_after)

    with overdue_elsewhere(tmp_path, entries=3) as house:
        monkeypatch.setattr(TtsClient, "evict", busy)
        done = house.round()
    assert done.why_not.startswith("not now")
    assert done.left.overdue == 3
    assert len(tried) == asked  # one that asks for time is not asked again and again


@pytest.mark.parametrize("name", DIALECTS)
def test_a_foreign_backend_without_its_folder_is_not_enforceable_and_says_so(tmp_path, name):
    with served_dialect(name, tmp_path / "audio") as other:
        other.make(1)
        house = House(tmp_path, backend_url=other.url)
        done = house.round()
        assert other.url in done.why_not
        assert "cache_not_enforceable" in house.found()
        assert ("GET", "/api/tts/storage/stats") not in other.calls  # it would run a clean-up


def test_a_backend_that_is_down_is_not_enforceable_rather_than_empty(tmp_path):
    house = House(tmp_path, backend_url="http://127.0.0.1:9")
    assert "127.0.0.1:9" in house.round().why_not
    assert "cache_not_enforceable" in house.found()


def test_a_foreign_folder_that_is_missing_is_not_enforceable(tmp_path):
    with served_dialect("viettts", tmp_path / "audio") as other:
        house = House(
            tmp_path, backend_url=other.url, is_chosen=True, cache_root=tmp_path / "unmounted"
        )
        assert "unmounted" in house.round().why_not


@pytest.mark.parametrize("name", DIALECTS)
def test_an_empty_folder_of_a_foreign_backend_is_not_taken_for_its_cache(tmp_path, name):
    unmounted = tmp_path / "unmounted"
    unmounted.mkdir()
    with served_dialect(name, tmp_path / "audio") as other:
        other.make(1)
        house = House(tmp_path, backend_url=other.url, is_chosen=True, cache_root=unmounted)
        assert "unmounted" in house.round().why_not
        assert "cache_not_enforceable" in house.found()
        house.cache_root = other.root
        other.set_age(next(other.root.glob("*.wav")).stem, TTL)
        assert house.round().why_not == ""  # also when there is no entry left in it
        assert house.round().why_not == ""


def test_entries_alone_show_that_a_folder_is_a_cache_also_when_they_have_just_gone(tmp_path):
    with served_dialect("app", tmp_path / "audio") as other:
        root = tmp_path / "seen from here"
        root.mkdir()
        old = root / f"{'a' * 32}.wav"
        old.write_bytes(b"RIFF")
        house = House(
            tmp_path, datetime.now(UTC), backend_url=other.url, is_chosen=True, cache_root=root
        )
        set_date(old, house.now - TTL)
        assert "cache_not_enforceable" not in house.found()
        assert house.round().why_not == ""
        assert not old.exists()
