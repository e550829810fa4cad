"""A flow in a thread of its own: what it emits, how it ends, how it is interrupted."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

import pytest

from novel_audio_pipeline.narration.thread import FlowThread


def test_what_is_emitted_comes_in_order():
    async def flow(emit: Callable[[int], None]) -> None:
        for n in range(3):
            await asyncio.sleep(0)
            emit(n)

    assert list(FlowThread(flow)) == [0, 1, 2]


def test_an_error_comes_after_what_was_emitted_before_it():
    async def flow(emit: Callable[[int], None]) -> None:
        emit(1)
        raise LookupError("broken")

    seen = []
    with pytest.raises(LookupError, match="broken"):
        seen.extend(FlowThread(flow))  # extend takes items one by one
    assert seen == [1]


def test_an_interruption_cancels_the_flow_and_waits_for_its_end():
    ended = threading.Event()

    async def flow(emit: Callable[[int], None]) -> None:
        emit(1)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)  # as a commit under way
            ended.set()

    iterator = iter(FlowThread(flow))
    next(iterator)
    with pytest.raises(KeyboardInterrupt):
        iterator.throw(KeyboardInterrupt)
    assert ended.is_set()
    assert not [t for t in threading.enumerate() if t.name == "flow"]


def test_a_caller_that_turns_away_cancels_the_flow():
    ended = threading.Event()

    async def flow(emit: Callable[[int], None]) -> None:
        emit(1)
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with contextlib.closing(iter(FlowThread(flow))) as stream:
        next(stream)
    assert ended.is_set()
