"""What is counted at /metrics, and how much the cache may hold."""

import subprocess
import sys
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from novel_audio_pipeline.errors import StorageError
from novel_audio_pipeline.tts_cache import expiring
from novel_audio_pipeline_tests.tts_backend.serving import served


def numbers(backend) -> dict[str, float]:
    """Return every sample at /metrics, labels as part of its name."""
    text = backend.client.get("/metrics").text
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_happens_is_counted(tmp_path):
    with served(tmp_path) as backend:
        for text in ("Một.", "Một.", "Hai.", "..."):
            backend.ask(text)
        backend.ask("a", model="nobody")
        backend.client.delete(f"/api/tts/audio/{backend.record('Hai.')['file_id']}")
        backend.client.get("/api/tts/audio/" + "a" * 32)
        backend.clock.move(timedelta(hours=2))
        backend.client.post("/api/tts/storage/cleanup")
        backend.record("Ba.")
        backend.client.post("/api/tts/storage/cleanup")
        counted = numbers(backend)
    assert counted["tts_speech_total,made"] == 3
    assert counted["tts_speech_total,cached"] == 2
    assert counted["tts_speech_total,skipped"] == 1
    assert counted["tts_synthesis_seconds_count"] == 3
    assert counted["tts_cache_evicted_total"] == 1
    assert counted["tts_cache_expired_total"] == 1
    assert counted["tts_cache_entries"] == 1
    assert counted["tts_cache_bytes"] > 1000
    assert counted["tts_queue"] == 0
    assert counted["tts_http_requests_total,POST,/api/tts/synthesize,422"] == 1
    assert counted["tts_http_requests_total,GET,/api/tts/audio/{file_id},404"] == 1


def test_an_entry_that_does_not_go_is_told_and_the_others_are_counted(tmp_path, monkeypatch):
    def refuse(wav, judged, **shared):
        if judged.file_id == stuck:
            raise StorageError(f"cannot remove {wav}: Operation not permitted")
        return remove_wav(wav, judged, **shared)

    remove_wav = expiring.remove_wav
    monkeypatch.setattr(expiring, "remove_wav", refuse)
    with served(tmp_path) as backend:
        stuck = backend.record("Một.")["file_id"]
        backend.record("Hai.")
        backend.clock.move(timedelta(hours=2))
        cleanup = backend.client.post("/api/tts/storage/cleanup").json()["cleanup"]
        counted = numbers(backend)
    assert cleanup["deleted_count"] == 1
    assert f"{stuck}.wav: Operation not permitted" in cleanup["refused"]
    assert (counted["tts_cache_expired_total"], counted["tts_cache_entries"]) == (1, 1)


def test_no_path_or_method_of_a_client_becomes_a_name_of_a_number(tmp_path):
    with served(tmp_path) as backend:
        backend.client.get("/some/made-up/path")
        backend.client.request("BREW", "/health")
        text = backend.client.get("/metrics").text
    assert "made-up" not in text
    assert "BREW" not in text


def test_two_backends_in_one_process_count_for_themselves(tmp_path):
    with served(tmp_path / "a") as one, served(tmp_path / "b") as other:
        one.ask()
        assert numbers(one)["tts_speech_total,made"] == 1
        assert numbers(other)["tts_speech_total,made"] == 0


def test_a_cache_that_is_full_says_so_and_serves_what_it_has(tmp_path):
    with served(tmp_path, max_storage_bytes=40_000) as backend:
        first = backend.record("Một hai ba bốn năm sáu bảy.")
        refused = backend.ask("Tám.")
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "cache_full")
        assert backend.record("Một hai ba bốn năm sáu bảy.")["cached"] is True
        assert backend.ask("Tám.", store=False).status_code == 200
        assert len(backend.engine.spoken) == 2
        backend.client.delete(f"/api/tts/audio/{first['file_id']}")
        assert backend.ask("Tám.").status_code == 200


@pytest.mark.parametrize("path", ["/api/tts/synthesize", "/v1/audio/speech"])
def test_a_disk_that_is_nearly_full_refuses_before_anything_is_spoken(tmp_path, path):
    with served(tmp_path, min_free_bytes=2**60) as backend:
        form = {"text": "Ừ.", "input": "Ừ."}
        refused = backend.client.post(path, json=form)
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")
        assert str(tmp_path) not in refused.text
        assert backend.engine.spoken == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs a disk that is full: run the tests as root on Linux to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_while_audio_is_stored_is_told_and_leaves_nothing_half(small_disk):
    with served(small_disk, min_free_bytes=0) as backend:
        kept = backend.record("Ngắn.")
        refused = backend.ask("Một câu dài. " * 100)
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")
        assert str(small_disk) not in refused.text
        found = {path.name for path in backend.cache.root.rglob("*") if path.is_file()}
        assert found - {".lock", ".first_seen.json"} == {
            f"{kept['file_id']}.wav",
            f"{kept['file_id']}.json",
        }
        assert backend.record("Ngắn.")["cached"] is True
        assert backend.ask("Cũng ngắn.").status_code == 200
