"""Laws of the batcher, inside one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import CapacityError, DocumentError, EngineError, ErrorInfo, OcrError
from hybrid_ocr.hosts.container.batcher import Batcher, BatchLimits, answer_each
from hybrid_ocr.hosts.container.metrics import Metrics

THREAD = ThreadPoolExecutor(1)
METRICS = Metrics()


class Recorder:
    """A stage that answers an item with itself and keeps what it ran."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> list[int | OcrError]:
        self.batches.append(list(items))
        return list(items)


def make(run: Recorder, **changed: float) -> Batcher[int, int]:
    limits = {"pages": 4, "pixels": 1000, "wait_seconds": 0.0, "queue_pages": 100} | changed
    return Batcher(run, THREAD, BatchLimits(**limits), METRICS)  # type: ignore[arg-type]


async def answers_of(batcher: Batcher[int, int], items: Sequence[int], pixels: int = 1) -> list[object]:
    request = batcher.enqueue(items, [pixels] * len(items))
    await request.done
    return list(request.answers)


async def serve(batcher: Batcher[int, int], *requests: Sequence[int], pixels: int = 1) -> list[list[object]]:
    worker = asyncio.ensure_future(batcher.work())
    try:
        async with asyncio.timeout(10):
            return await asyncio.gather(*(answers_of(batcher, items, pixels) for items in requests))
    finally:
        worker.cancel()


@given(
    requests=st.lists(st.lists(st.integers(0, 99), max_size=9), min_size=1, max_size=6),
    pages=st.integers(1, 5),
    pixels=st.integers(1, 30),
)
@settings(max_examples=60, deadline=None)
def test_every_caller_gets_its_own_answers_and_no_batch_is_too_large(
    requests: list[list[int]], pages: int, pixels: int
) -> None:
    run = Recorder()
    answers = asyncio.run(serve(make(run, pages=pages, pixels=pixels), *requests, pixels=10))
    assert answers == requests
    assert sum(map(len, run.batches)) == sum(map(len, requests))
    for batch in run.batches:
        assert 1 <= len(batch) <= pages
        assert 10 * len(batch) <= pixels or len(batch) == 1  # a page larger than the bound goes alone


def test_a_caller_who_is_alone_never_waits() -> None:
    async def scenario() -> None:
        run = Recorder()
        assert await serve(make(run, wait_seconds=3600.0), [1]) == [[1]]

    asyncio.run(scenario())


def test_a_batch_waits_for_a_request_that_is_on_its_way() -> None:
    async def scenario() -> None:
        run = Recorder()
        batcher = make(run, wait_seconds=3600.0)

        async def late() -> list[object]:
            with batcher.arrival():
                await asyncio.sleep(0.05)
            return await answers_of(batcher, [2])

        slow = asyncio.ensure_future(late())
        await asyncio.sleep(0)
        assert await serve(batcher, [1]) == [[1]]
        slow.cancel()
        assert run.batches[0] == [1, 2]

    asyncio.run(scenario())


def test_a_request_that_never_arrives_holds_nobody_up_for_long() -> None:
    async def scenario() -> None:
        run = Recorder()
        batcher = make(run, wait_seconds=0.01)
        with batcher.arrival():
            assert await serve(batcher, [1]) == [[1]]

    asyncio.run(scenario())


def test_the_queue_is_bounded() -> None:
    async def scenario() -> None:
        run = Recorder()
        batcher = make(run, queue_pages=3)
        waiting = batcher.enqueue([1, 2, 3], [1, 1, 1])
        with pytest.raises(CapacityError):
            batcher.enqueue([4], [1])
        batcher.drop(waiting)
        assert await serve(batcher, [5, 6, 7]) == [[5, 6, 7]]
        assert run.batches == [[5, 6, 7]]  # what was dropped left its places and never ran

    asyncio.run(scenario())


def test_after_a_fatal_error_every_caller_is_told() -> None:
    def broken(_: Sequence[int]) -> list[int | OcrError]:
        raise EngineError("the device is gone")

    async def scenario() -> None:
        batcher: Batcher[int, int] = Batcher(broken, THREAD, BatchLimits(1, 10, 0.0, 10), METRICS)
        worker = asyncio.ensure_future(batcher.work())
        told = await asyncio.gather(
            *(batcher.enqueue([n], [1]).done for n in range(3)), return_exceptions=True
        )
        assert [type(error) for error in told] == [EngineError] * 3
        await worker
        with pytest.raises(EngineError, match="the device is gone"):
            batcher.enqueue([9], [1])

    asyncio.run(scenario())


@given(items=st.lists(st.integers(0, 9), max_size=12), poison=st.frozensets(st.integers(0, 9)))
def test_exactly_the_pages_at_fault_fail(items: list[int], poison: frozenset[int]) -> None:
    def run(batch: Sequence[int]) -> list[int | OcrError]:
        if poison.intersection(batch):
            raise ValueError("the page")
        return [DocumentError("bad") if item == 5 else item for item in batch]

    answers = answer_each(run, items)
    for item, answer in zip(items, answers, strict=True):
        assert isinstance(answer, ErrorInfo) == (item in poison or item == 5)
        assert isinstance(answer, ErrorInfo) or answer == item
