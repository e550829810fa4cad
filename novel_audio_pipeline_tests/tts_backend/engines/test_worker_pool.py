"""Child processes that die, hang or lie, and the queue before them."""

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from novel_audio_pipeline.tts_backend.engines.base import EngineBusyError, EngineError
from novel_audio_pipeline.tts_backend.engines.worker_pool import WorkerPool

# A child that does what its message says: answers, waits, dies, lies, once or always.
CHILD = """
import json, os, pathlib, struct, sys, time
answers = os.fdopen(os.dup(1), "wb")
while True:
    prefix = sys.stdin.buffer.read(4)
    if len(prefix) < 4:
        sys.exit(0)
    message = json.loads(sys.stdin.buffer.read(struct.unpack(">I", prefix)[0]))
    do = message["do"]
    once = message.get("once")
    if once and not pathlib.Path(once).exists():
        pathlib.Path(once).touch()
    elif once:
        do = "answer"
    if do == "die":
        os._exit(9)
    if do == "hang":
        time.sleep(600)
    if do == "lie":
        answers.write(b"HTTP/1.1 200 OK lalala"); answers.flush(); continue
    if do == "half":
        answers.write(struct.pack(">I", 5000) + b"{"); answers.flush(); os._exit(0)
    if do == "wait":
        time.sleep(message["s"])
    header = json.dumps({"pcm_bytes": 4, "pid": os.getpid(), "n": message.get("n")}).encode()
    answers.write(struct.pack(">I", len(header)) + header + b"abcd"); answers.flush()
"""


def with_pool(work, *, size: int = 2, queue_limit: int = 10, timeout_s: float = 5.0):
    async def run():
        pool = WorkerPool(
            [sys.executable, "-c", CHILD], size=size, queue_limit=queue_limit, timeout_s=timeout_s
        )
        await pool.start()
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


@pytest.mark.parametrize("how", ["die", "lie", "half"])
def test_a_child_that_fails_is_replaced_and_its_text_spoken_by_another(tmp_path: Path, how):
    async def work(pool):
        before = set(pool.pids)
        answer = await pool.ask({"do": how, "once": str(tmp_path / "once")})
        assert answer.pcm == b"abcd"
        for _ in range(4):
            await pool.ask({"do": "answer"})
        return before, set(pool.pids)

    before, after = with_pool(work)
    assert len(before & after) == 1
    assert len(after) in (1, 2)


def test_a_child_that_hangs_is_killed_after_its_time(tmp_path: Path):
    async def work(pool):
        await pool.ask({"do": "hang", "once": str(tmp_path / "once")})
        return pool.pids

    assert with_pool(work, size=1, timeout_s=0.5)


def test_a_text_at_which_two_children_fail_is_given_up_and_others_go_on():
    async def work(pool):
        with pytest.raises(EngineError, match="two engine processes failed") as failed:
            await pool.ask({"do": "die"})
        assert failed.value.code == "engine_failed"
        return await pool.ask({"do": "answer", "n": 7})

    assert with_pool(work).header["n"] == 7


def test_a_child_killed_while_idle_is_noticed_and_costs_nothing():
    async def work(pool):
        for pid in pool.pids:
            os.kill(pid, 9)
        await asyncio.sleep(0.2)
        return await pool.ask({"do": "answer", "n": 1})

    assert with_pool(work).header["n"] == 1


def test_what_is_more_than_the_queue_holds_is_refused_at_once():
    async def work(pool):
        asked = [asyncio.create_task(pool.ask({"do": "wait", "s": 0.3})) for _ in range(6)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert pool.waiting == 0
        await pool.ask({"do": "answer"})
        return done

    done = with_pool(work, size=1, queue_limit=2)
    refused = [error for error in done if isinstance(error, EngineBusyError)]
    assert len(refused) == 3
    assert all(1 <= error.retry_after_s <= 60 for error in refused)


def test_who_leaves_does_not_leave_half_an_answer_to_the_next():
    async def work(pool):
        asked = asyncio.create_task(pool.ask({"do": "wait", "s": 0.3, "n": 1}))
        await asyncio.sleep(0.1)
        asked.cancel()
        return await pool.ask({"do": "answer", "n": 2})

    assert with_pool(work, size=1).header["n"] == 2


def test_closing_ends_every_child_and_refuses_what_comes_after():
    async def work(pool):
        children = [psutil.Process(pid) for pid in pool.pids]
        asked = asyncio.create_task(pool.ask({"do": "hang"}))
        await asyncio.sleep(0.1)
        await pool.close()
        with pytest.raises(EngineError):
            await asked
        with pytest.raises(EngineError, match="stopping"):
            await pool.ask({"do": "answer"})
        return [child.is_running() for child in children]

    assert with_pool(work) == [False, False]
