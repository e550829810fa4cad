"""Many threads on one library, with locks and without."""

import threading
from dataclasses import replace

import pytest

from novel_audio_pipeline.library.inventory import Standing
from novel_audio_pipeline.library.library import AudioLibrary
from novel_audio_pipeline.library.locks import NoLocks, ProcessLocks
from novel_audio_pipeline.storage.local import LocalFileStore
from novel_audio_pipeline_tests.library.making import (
    MiniNarration,
    MiniScript,
    anything,
    audio_facts,
    narrated,
    open_chapter,
    speech,
)


@pytest.mark.parametrize("locks", [ProcessLocks, NoLocks])
def test_paragraphs_committed_by_many_threads_at_once_all_stand(tmp_path, locks):
    library = AudioLibrary(LocalFileStore(tmp_path), locks=locks())
    script = MiniScript([f"text {number}" for number in range(24)])
    with open_chapter(library, script) as folder:
        in_threads(
            8,
            [
                lambda n=n: folder.commit_audio(
                    script.record(n), speech(script.texts[n - 1]), wanted=anything
                )
                for n in range(1, 25)
            ],
        )
        manifest = folder.finish(
            script_digest="d", paragraphs=24, as_scripted=script.stands, wanted=anything
        )
    assert manifest.complete


def test_without_locks_two_that_do_one_chapter_lose_nothing(tmp_path):
    scripts = [MiniScript([f"text {n}" for n in range(12)]), MiniScript(["x"], number=2)]
    libraries = [AudioLibrary(LocalFileStore(tmp_path), locks=NoLocks()) for _ in range(3)]
    narrations = [MiniNarration(library) for library in libraries]
    in_threads(3, [lambda n=n: n.narrate(scripts) for n in narrations])
    assert narrated(libraries[0], *scripts).spoken == []
    final = [replace(scripts[0], texts=scripts[0].texts[::-1]), scripts[1]]
    in_threads(3, [lambda n=n: n.narrate(final) for n in narrations])
    assert narrated(libraries[0], *final).spoken == []


def test_without_locks_a_record_always_ends_beside_its_own_wav(tmp_path):
    script = MiniScript(["same text"])
    library = AudioLibrary(LocalFileStore(tmp_path), locks=NoLocks())

    def commit(number: int) -> None:
        wav = speech(f"reading {number}")
        record = replace(script.record(1), audio=audio_facts("same text", wav=wav))
        with open_chapter(library, script) as folder:
            folder.commit_audio(record, wav, wanted=anything)

    for _ in range(10):
        in_threads(4, [lambda n=n: commit(n) for n in range(4)])
        held = library.chapter_inventory("so-do", 1).paragraphs[1]
        assert held.standing is Standing.INTACT


def in_threads(count: int, tasks: list) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        while tasks:
            try:
                task = tasks.pop()
            except IndexError:
                return
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
