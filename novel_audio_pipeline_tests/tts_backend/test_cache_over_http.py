"""Downloads, records, deletion, listing and expiry over HTTP."""

import base64
import hashlib
import json
import os
import socket
from datetime import timedelta

import httpx
import pytest

from novel_audio_pipeline_tests.tts_backend.serving import CountingEngine, served, wait_until


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """A backend for tests that leave it as it was."""
    with served(tmp_path_factory.mktemp("unchanged")) as running:
        yield running


@pytest.fixture
def backend(tmp_path):
    with served(tmp_path) as running:
        yield running


def test_a_download_proves_itself(backend):
    made = backend.ask()
    file_id = made.headers["X-File-ID"]
    answer = backend.client.get(f"/api/tts/audio/{file_id}")
    assert answer.content == made.content
    assert answer.headers["Content-Type"] == "audio/wav"
    assert int(answer.headers["Content-Length"]) == len(made.content)
    assert answer.headers["Repr-Digest"] == made.headers["Repr-Digest"]
    assert answer.headers["X-Expires-At"] == made.headers["X-Expires-At"]
    head = backend.client.head(f"/api/tts/audio/{file_id}")
    assert head.content == b""
    different = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in answer.headers.items() if k not in different
    }


def test_the_digest_is_that_of_rfc_9530(backend):
    made = backend.ask()
    digest = hashlib.sha256(made.content).digest()
    assert made.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"


def test_what_the_client_has_already_is_not_sent_again(backend):
    made = backend.ask()
    path = f"/api/tts/audio/{made.headers['X-File-ID']}"
    for tags in (made.headers["ETag"], f'"x", W/{made.headers["ETag"]}', "*"):
        answer = backend.client.get(path, headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content) == (304, b"")
    assert backend.client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_parts_can_be_asked_for(backend):
    made = backend.ask()
    path, size = f"/api/tts/audio/{made.headers['X-File-ID']}", len(made.content)
    answer = backend.client.get(path, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, made.content[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{size}"
    assert backend.client.get(path, headers={"Range": "bytes=-7"}).content == made.content[-7:]
    behind = backend.client.get(path, headers={"Range": f"bytes={size}-"})
    assert (behind.status_code, behind.headers["Content-Range"]) == (416, f"bytes */{size}")
    changed = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert backend.client.get(path, headers=changed).status_code == 200
    same = {"Range": "bytes=0-1", "If-Range": made.headers["ETag"]}
    assert backend.client.get(path, headers=same).content == made.content[:2]


def test_it_is_served_for_two_hours_and_not_longer(backend):
    path = f"/api/tts/audio/{backend.ask().headers['X-File-ID']}"
    backend.clock.move(timedelta(hours=2) - timedelta(microseconds=1))
    assert backend.client.get(path).status_code == 200
    backend.clock.move(timedelta(microseconds=1))
    for ask in (backend.client.get, backend.client.head):
        assert ask(path).status_code == 404
    assert backend.client.get(f"{path}/metadata").status_code == 404
    assert backend.client.get(path).json()["error"]["code"] == "audio_not_found"


def test_an_entry_is_deleted_really_expired_or_not(backend):
    for age in (timedelta(0), timedelta(hours=5)):
        path = f"/api/tts/audio/{backend.ask().headers['X-File-ID']}"
        backend.clock.move(age)
        answer = backend.client.delete(path)
        assert (answer.status_code, answer.json()["success"]) == (200, True)
        assert list(backend.cache.entries()) == []
        assert list(backend.cache.metadata_dir.iterdir()) == []
        assert backend.client.delete(path).status_code == 404


def deleted(backend, path: str) -> None:
    assert httpx.delete(f"{backend.url}{path}").status_code == 200


def expired_and_swept(backend, path: str) -> None:
    backend.clock.move(timedelta(hours=2))
    assert httpx.post(f"{backend.url}/api/tts/storage/cleanup").json()["cleanup"]["deleted_count"]


@pytest.mark.parametrize("goes", [deleted, expired_and_swept])
def test_a_download_under_way_is_served_to_its_end_when_its_entry_goes(tmp_path, goes):
    text = "Một câu dài. " * 1500
    with served(tmp_path) as backend:
        made = backend.ask(text)
        assert len(made.content) > 40_000_000
        path = f"/api/tts/audio/{made.headers['X-File-ID']}"
        with backend.client.stream("GET", path) as answer:
            parts = answer.iter_raw(chunk_size=1024)
            received = hashlib.sha256(next(parts))
            goes(backend, path)
            assert list(backend.cache.entries()) == []
            assert httpx.get(f"{backend.url}{path}").status_code == 404
            for part in parts:
                received.update(part)
        assert received.hexdigest() == hashlib.sha256(made.content).hexdigest()


def test_the_record_says_what_the_file_is_and_no_path(backend):
    made = backend.record()
    file_id = made["file_id"]
    document = backend.client.get(f"/api/tts/audio/{file_id}/metadata").json()["metadata"]
    assert made["file_metadata"].items() <= document.items()
    foreign = (
        '{"file_path": "/srv/secret/x.wav", "created_at": "2020-01-01T00:00:00", "file_id": "%s"}'
    )
    (backend.cache.metadata_dir / f"{file_id}.json").write_text(foreign % file_id)
    document = backend.client.get(f"/api/tts/audio/{file_id}/metadata").json()["metadata"]
    assert document["file_path"] == f"{file_id}.wav"
    assert document["created_at"] == made["file_metadata"]["created_at"]


@pytest.mark.parametrize("digest", ["", "zz", "g" * 64, "a" * 63, 7, None, "a\r\nX-Evil: 1"])
def test_a_record_whose_digest_is_none_is_not_believed(backend, digest):
    made = backend.ask()
    file_id = made.headers["X-File-ID"]
    record = backend.cache.metadata_dir / f"{file_id}.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"sha256": digest}))
    answer = backend.client.get(f"/api/tts/audio/{file_id}")
    assert (answer.status_code, answer.content) == (200, made.content)
    assert answer.headers["Repr-Digest"] == made.headers["Repr-Digest"]
    assert backend.ask().content == made.content


IDS = [
    "..",
    "%2e%2e",
    "a" * 300,
    "A" * 32,
    "a" * 31,
    "..%2f..%2fetc%2fpasswd",
    "a%00",
    "..\\..\\x",
    f"{'a' * 32}.wav",
    f"{'a' * 32}%0a",
    "*",
]


@pytest.mark.parametrize("file_id", IDS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_an_id_that_is_none_is_not_found(unchanged, file_id, method):
    for path in (f"/api/tts/audio/{file_id}", f"/api/tts/audio/{file_id}/metadata"):
        assert unchanged.client.request(method, path).status_code in (404, 405)


def test_files_are_listed_page_by_page(backend):
    records = [backend.record(f"Câu {number}") for number in range(7)]
    backend.clock.move(timedelta(hours=3))
    listed, cursor, pages = [], "", 0
    while cursor is not None:
        query = {"cursor": cursor, "limit": 3}
        page = backend.client.get("/api/tts/storage/files", params=query).json()
        listed += page["files"]
        cursor = page["next_cursor"]
        pages += 1
    assert pages == 3
    assert [row["file_id"] for row in listed] == sorted(r["file_id"] for r in records)
    by_id = {record["file_id"]: record["file_metadata"] for record in records}
    for row in listed:
        document = by_id[row["file_id"]]
        assert row["age_s"] == 3 * 3600
        assert (row["sha256"], row["size"]) == (document["sha256"], document["file_size"])
        assert row["expires_at"] == document["expires_at"]


def test_reading_changes_nothing_and_cleaning_up_removes_what_is_expired(backend):
    backend.record("Cũ.")
    backend.clock.move(timedelta(hours=2))
    backend.record("Mới.")
    for _ in range(2):
        stats = backend.client.get("/api/tts/storage/stats").json()["stats"]
        counts = (stats["total_files"], stats["expired_files"], stats["active_files"])
        assert counts == (2, 1, 1)
    assert stats["storage_dir"] is None
    cleanup = backend.client.post("/api/tts/storage/cleanup").json()["cleanup"]
    assert cleanup["deleted_count"] == 1
    assert backend.client.get("/api/tts/storage/stats").json()["stats"]["total_files"] == 1


def test_the_sweeper_removes_what_expired_by_itself(tmp_path):
    with served(tmp_path, cleanup_interval=timedelta(milliseconds=20)) as backend:
        backend.record("Cũ.")
        backend.clock.move(timedelta(hours=2) - timedelta(seconds=1))
        backend.record("Mới.")
        backend.clock.move(timedelta(seconds=1))
        wait_until(lambda: len(list(backend.cache.entries())) == 1)


def test_what_expired_while_nobody_served_goes_at_the_start(tmp_path):
    with served(tmp_path) as backend:
        file_id = backend.record()["file_id"]
    path = tmp_path / "cache" / f"{file_id}.wav"
    os.utime(path, (1, 1))
    with served(tmp_path):
        wait_until(lambda: not path.exists())


def test_a_restart_serves_what_is_there(tmp_path):
    with served(tmp_path) as backend:
        made = backend.ask()
    with served(tmp_path, engine=CountingEngine()) as backend:
        assert (
            backend.client.get(f"/api/tts/audio/{made.headers['X-File-ID']}").content
            == made.content
        )
        assert backend.record()["cached"] is True
        assert backend.engine.spoken == []


def test_a_folder_that_vanished_is_an_error_that_tells_no_path(backend):
    backend.cache.root.rename(backend.cache.root.parent / "away")
    for answer in (backend.ask(), backend.client.get("/api/tts/storage/stats")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "storage_failed")
        assert str(backend.cache.root) not in answer.text
    assert backend.client.get("/health").status_code == 200


def test_a_connection_that_says_nothing_harms_nobody(backend):
    port = httpx.URL(backend.url).port
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(b"POST /api/tts/synthesize HTTP/1.1\r\nHost: localhost\r\n")
        assert backend.record()["success"] is True
