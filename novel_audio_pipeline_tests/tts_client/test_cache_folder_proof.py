"""What the cache folder proves, and eviction through it where HTTP does not evict."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from novel_audio_pipeline.errors import AudioTransferError, BackendUnreachableError
from novel_audio_pipeline.tts_cache.folder import CacheFolder
from novel_audio_pipeline.tts_client.cache_folder_proof import CacheFolderProof
from novel_audio_pipeline.tts_client.http import TtsClient
from novel_audio_pipeline.tts_client.openapi import AUDIO_PATH, BackendDocument
from novel_audio_pipeline.tts_client.own_dialect import OwnDialect
from novel_audio_pipeline_tests.dialects.serving import ServedDialect, served_dialect
from novel_audio_pipeline_tests.tts_backend.serving import served

NAMES = ("app", "vieneu", "coqui", "viettts")
OLD = timedelta(hours=2, minutes=1)


@pytest.fixture(params=NAMES, scope="module")
def dialect(request, tmp_path_factory):
    with served_dialect(request.param, tmp_path_factory.mktemp(request.param)) as served_one:
        yield served_one


def ask(
    url: str, folder: Path, call: Callable[[CacheFolderProof], Coroutine[Any, Any, Any]]
) -> Any:
    async def main() -> Any:
        async with TtsClient(url) as client:
            return await call(CacheFolderProof(client, CacheFolder(folder)))

    return asyncio.run(main())


def digest(dialect: ServedDialect, file_id: str) -> str:
    return hashlib.sha256(dialect.wav(file_id).read_bytes()).hexdigest()


def test_a_file_that_is_what_was_sent_is_proof(dialect):
    (file_id,) = dialect.make(1)
    audio = ask(dialect.url, dialect.root, lambda asked: asked.download(file_id))
    assert audio.verified_by == "folder"
    assert audio.sha256 == digest(dialect, file_id)


def test_a_file_that_is_another_is_proof_of_the_opposite(dialect, tmp_path):
    (file_id,) = dialect.make(1)
    (tmp_path / f"{file_id}.wav").write_bytes(dialect.wav(file_id).read_bytes()[:-2] + b"zz")
    with pytest.raises(AudioTransferError, match=file_id):
        ask(dialect.url, tmp_path, lambda asked: asked.download(file_id))


def test_a_folder_without_the_file_proves_nothing_and_loses_nothing(dialect, tmp_path):
    (file_id,) = dialect.make(1)
    a_file = tmp_path / "file"
    a_file.touch()
    for elsewhere in (tmp_path, tmp_path / "missing", a_file):
        audio = ask(dialect.url, elsewhere, lambda asked: asked.download(file_id))
        assert audio.verified_by == "structure"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("age", [timedelta(0), OLD], ids=["young", "expired: DELETE answers 404"])
def test_an_entry_is_gone_from_the_folder_whatever_its_backend_can_do(dialect, age):
    (file_id,) = dialect.make(1)
    dialect.set_age(file_id, age)
    sha256 = digest(dialect, file_id)
    assert ask(dialect.url, dialect.root, lambda asked: asked.evict(file_id, sha256=sha256))
    assert not dialect.wav(file_id).exists()
    assert not dialect.record(file_id).exists()


def test_a_file_that_has_become_another_stays(tmp_path):
    with served_dialect("viettts", tmp_path) as dialect:
        (file_id,) = dialect.make(1)
        sha256 = digest(dialect, file_id)
        dialect.wav(file_id).write_bytes(b"RIFF, but of somebody else")
        assert not ask(dialect.url, tmp_path, lambda asked: asked.evict(file_id, sha256=sha256))
        assert dialect.wav(file_id).exists()


def test_a_backend_that_only_says_deleted_is_not_believed(tmp_path):
    with served_dialect("vieneu", tmp_path) as dialect:
        (file_id,) = dialect.make(1)
        record = dialect.storage.metadata_cache[file_id]
        record["file_path"] = str(tmp_path / "no" / "such" / "mount.wav")
        sha256 = digest(dialect, file_id)
        assert ask(dialect.url, tmp_path, lambda asked: asked.evict(file_id, sha256=sha256))
        assert not dialect.wav(file_id).exists()


def test_a_backend_that_fails_to_delete_is_helped(tmp_path):
    with served_dialect("vieneu", tmp_path) as dialect:
        (file_id,) = dialect.make(1)
        del dialect.storage.metadata_cache[file_id]["file_path"]  # DELETE then answers 500
        sha256 = digest(dialect, file_id)
        assert ask(dialect.url, tmp_path, lambda asked: asked.evict(file_id, sha256=sha256))
        assert not dialect.wav(file_id).exists()


def test_without_its_folder_a_backend_without_delete_evicts_nothing(tmp_path):
    with served_dialect("viettts", tmp_path / "cache") as dialect:
        (file_id,) = dialect.make(1)
        sha256 = digest(dialect, file_id)
        assert not ask(dialect.url, tmp_path, lambda asked: asked.evict(file_id, sha256=sha256))
        assert dialect.wav(file_id).exists()
        assert ("DELETE", f"/api/tts/audio/{file_id}") not in dialect.calls


def test_our_own_backend_needs_no_folder(tmp_path):
    with served(tmp_path) as backend:
        file_id = str(backend.record()["file_id"])

        async def trip(asked: CacheFolderProof) -> None:
            audio = await asked.download(file_id)
            assert audio.verified_by == "digest"
            assert await asked.evict(file_id, sha256=audio.sha256)
            assert not await asked.evict(file_id, sha256=audio.sha256)

        ask(backend.url, backend.cache.root, trip)
        assert backend.cache.find(file_id) is None


def test_a_backend_whose_word_counts_and_that_gives_none_is_an_error(tmp_path):
    document = BackendDocument(calls=frozenset({("DELETE", AUDIO_PATH)}))

    async def main() -> None:
        async with TtsClient("http://127.0.0.1:9", dialect=OwnDialect(document)) as client:
            await CacheFolderProof(client, CacheFolder(tmp_path)).evict("0" * 32, sha256="")

    with pytest.raises(BackendUnreachableError):
        asyncio.run(main())
