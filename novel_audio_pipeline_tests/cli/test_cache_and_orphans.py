"""``cache list``, ``cache expire`` and ``library orphans`` as a person runs them."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import filelock
import pytest

from novel_audio_pipeline.defs.dead_runs import process_tags
from novel_audio_pipeline.defs.upkeep_assets import POOL
from novel_audio_pipeline.defs.upkeep_records import EXPIRY_JOB
from novel_audio_pipeline.defs.upkeep_runs import REPORT_JOB
from novel_audio_pipeline.settings import PROJECT_ROOT
from novel_audio_pipeline.tts_cache.folder import LOCK_NAME
from novel_audio_pipeline.upkeep.asked import FOLDER as ASKED
from novel_audio_pipeline_tests.cli.homes import Home, new_home

pytestmark = pytest.mark.slow

OLD, YOUNG = "a" * 32, "b" * 32
MINUTE = 60


def put(home: Home, file_id: str, *, age_s: float) -> Path:
    path = home.path / "tts_cache" / f"{file_id}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"RIFF")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@contextlib.contextmanager
def records_of(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    (home.path / "dagster").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_ROOT))
    monkeypatch.setenv("NOVEL_AUDIO_DAGSTER_DIR", str(home.path / "dagster"))
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextlib.contextmanager
def expiry_kept_at_it(home: Home) -> Iterator[None]:
    """Hold the lock of the cache's folder, so that an expiry waits in it."""
    put(home, OLD, age_s=121 * MINUTE)
    with filelock.FileLock(home.path / "tts_cache" / LOCK_NAME):
        yield


@contextlib.contextmanager
def report_kept_at_it(home: Home) -> Iterator[None]:
    """Put a note that nobody ever writes, so that a report waits for it."""
    note = home.path / "reports" / ASKED / "0001.0001.thu"
    note.parent.mkdir(parents=True)
    os.mkfifo(note)
    yield


def wait_for_step(instance: dg.DagsterInstance, job: str) -> str:
    """Return the id of the job's run that has begun with its asset and is not over."""
    under_way = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.STARTED])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in instance.get_runs(under_way):
            if instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START):
                return run.run_id
        time.sleep(0.1)
    raise AssertionError(f"no run of {job} came to its asset within a minute")


def test_the_cache_is_listed_tried_and_expired_with_the_same_numbers(tmp_path):
    home = new_home(tmp_path)
    old, young = put(home, OLD, age_s=121 * MINUTE), put(home, YOUNG, age_s=119 * MINUTE)
    listed = home.json("cache", "list")["entries"]
    assert [(e["file_id"], e["state"], e["reason"], e["bytes"]) for e in listed] == [
        (OLD, "expired", "past_its_time", 4),
        (YOUNG, "live", "", 4),
    ]
    assert listed[0]["age_s"] == pytest.approx(121 * MINUTE, abs=60)
    (tried,) = home.json("cache", "expire", "--dry-run")["entries"]
    assert (tried["file_id"], tried["state"]) == (OLD, "expired")
    assert old.exists()
    (gone,) = home.json("cache", "expire")["entries"]
    assert (gone["file_id"], gone["state"], gone["reason"]) == (OLD, "removed", "past_its_time")
    assert not old.exists()
    assert young.exists()
    (line,) = (home.path / "reports").glob("cache_removals-*.jsonl")
    assert json.loads(line.read_text())["file_id"] == OLD


def test_a_dry_run_tells_also_what_would_be_evicted(tmp_path):
    home = new_home(tmp_path)
    (home.novels / "thu.txt").write_text("Chương 1\n\nXin chào.\n", encoding="utf-8")
    home.json("narrate", NOVEL_AUDIO_EVICT="never")
    (path,) = (home.path / "tts_cache").glob("*.wav")
    os.utime(path, (time.time() - 30 * MINUTE,) * 2)
    home.json("library", "orphans", status=1)  # which makes the index; the entry is one
    (tried,) = home.json("cache", "expire", "--dry-run")["entries"]
    assert (tried["name"], tried["state"], tried["reason"]) == (
        *(path.name, "live", "held_by_library"),
    )
    assert path.exists()


def test_a_dry_run_without_the_folder_of_a_backend_elsewhere_tells_that_in_its_document(tmp_path):
    home = new_home(tmp_path)
    away = {"TTS_BACKEND_URL": "http://127.0.0.1:9", "TTS_STORAGE_DIR": str(tmp_path / "unmounted")}
    assert home.json("cache", "expire", "--dry-run", status=1, **away) == {"entries": []}


def test_orphans_are_reported_with_status_1_and_a_library_in_order_with_0(tmp_path):
    home = new_home(tmp_path)
    (home.novels / "thu.txt").write_text("Chương 1\n\nXin chào.\n\nĐi thôi.\n", encoding="utf-8")
    home.json("narrate")
    assert home.json("library", "orphans") == {"findings": []}
    wav = home.wavs()[0]
    wav.unlink()
    record = wav.with_name(wav.stem + "_metadata.json")
    os.utime(record, (time.time() - 3600,) * 2)
    (finding, *_) = home.json("library", "orphans", status=1)["findings"]
    assert finding["code"] == "record_without_audio"
    assert finding["severity"] == "error"
    assert finding["path"] == wav.relative_to(home.library).as_posix()
    assert {"message", "advice"} <= {*finding}
    plain = home.run("library", "orphans")
    assert plain.returncode == 1
    assert "record_without_audio" in plain.stdout


@pytest.mark.parametrize("command", [("cache", "expire"), ("library", "orphans")])
def test_ctrl_c_is_heard_while_another_run_of_upkeep_is_waited_for(tmp_path, monkeypatch, command):
    home = new_home(tmp_path)
    with records_of(home, monkeypatch) as instance:
        run = instance.create_run_for_job(
            dg.GraphDefinition(name="empty").to_job(),
            status=dg.DagsterRunStatus.STARTED,
        )
        instance.add_run_tags(run.run_id, process_tags(run.run_id))
        instance.event_log_storage.set_concurrency_slots(POOL, 1)
        instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "step")
        process = home.start(*command)
        assert run.run_id in str(process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process, and no named pipes")
@pytest.mark.parametrize(
    ("command", "job", "kept_at_it"),
    [
        (("cache", "expire"), EXPIRY_JOB, expiry_kept_at_it),
        (("library", "orphans", "--json"), REPORT_JOB, report_kept_at_it),
    ],
)
def test_ctrl_c_ends_upkeep_at_work_with_130_and_a_run_that_was_canceled(
    tmp_path, monkeypatch, command, job, kept_at_it
):
    home = new_home(tmp_path)
    with records_of(home, monkeypatch) as instance, kept_at_it(home):
        process = home.start(*command)
        try:
            run_id = wait_for_step(instance, job)
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=10)  # promised: within 10 s
        finally:
            process.kill()  # it would wait for ever
        run = instance.get_run_by_id(run_id)
        assert (process.returncode, shown) == (130, ""), told
        assert "Traceback" not in told
        assert run is not None
        assert run.status is dg.DagsterRunStatus.CANCELED
        assert run.tags.get("dagster/will_retry") != "true"


def test_a_run_that_fails_by_a_broken_installation_is_one_sentence_and_status_3(tmp_path):
    home = new_home(tmp_path)
    (tmp_path / "pandas.py").write_text('raise ImportError("pandas is broken here")\n')
    done = home.run("library", "orphans", PYTHONPATH=str(tmp_path))
    assert done.returncode == 3
    assert done.stderr.startswith("novel-audio: run ")
    assert done.stderr.endswith("failed: ImportError: pandas is broken here\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "told"),
    [
        (("cache", "list"), {"TTS_STORAGE_DIR": "{home}/library"}, 2, "TTS_STORAGE_DIR"),
        (("cache", "expire"), {"TTS_STORAGE_DIR": "{home}/unmounted"}, 3, "unmounted"),
        (("library", "orphans"), {"NOVEL_AUDIO_NOVELS_DIR": "{home}/none"}, 2, "none"),
        (("cache", "list"), {"TTS_BACKEND_URL": "http://127.0.0.1:9"}, 1, "not_enforceable"),
    ],
)
def test_what_is_set_wrongly_or_not_reached_is_one_sentence(
    tmp_path, arguments, settings, status, told
):
    home = new_home(tmp_path)
    more = {name: value.format(home=home.path) for name, value in settings.items()}
    done = home.run(*arguments, **more)
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
