"""Dynamic batching: pages of concurrent requests share one run of the stage.

All state belongs to the event loop, so there is no lock; only the run itself happens in the one inference
thread. A batch waits for more only while more is on its way: while another request is being received,
or while fewer requests are queued than shared the last batch. A caller who is alone never waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, TypeVar

from hybrid_ocr.contracts.errors import CapacityError, EngineError, ErrorInfo, OcrError
from hybrid_ocr.hosts.container.metrics import Metrics
from hybrid_ocr.telemetry import fields

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Run = Callable[[Sequence[RequestT]], Sequence[ResponseT | OcrError]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchLimits:
    """Bounds of a batch (a page larger than `pixels` goes alone) and of the queue before it."""

    pages: int
    pixels: int
    wait_seconds: float
    queue_pages: int


@dataclass(eq=False)
class QueuedRequest(Generic[ResponseT]):
    """One request in the queue: its answers as they come, and how long it waited and ran (seconds)."""

    answers: list[ResponseT | ErrorInfo | None]
    done: asyncio.Future[None]
    queued_at: float = field(default_factory=perf_counter)
    queue_seconds: float | None = None
    run_seconds: float = 0.0

    def __post_init__(self) -> None:
        self._missing = len(self.answers)

    def put(self, place: int, answer: ResponseT | ErrorInfo) -> None:
        """Take the answer of one page; the last one completes the request."""
        self.answers[place] = answer
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(None)


@dataclass(eq=False)
class _Page(Generic[RequestT, ResponseT]):
    item: RequestT
    pixels: int
    place: int
    request: QueuedRequest[ResponseT]


class Batcher(Generic[RequestT, ResponseT]):
    """A bounded queue of pages and the one worker that empties it in batches.

    Args:
        run: the stage; called in `thread` with 1..limits.pages items.
        thread: an executor with a single thread.
        limits: see BatchLimits.
        metrics: where batches are counted.
    """

    def __init__(
        self, run: Run[RequestT, ResponseT], thread: Executor, limits: BatchLimits, metrics: Metrics
    ) -> None:
        self._run, self._thread, self._limits, self._metrics = run, thread, limits, metrics
        self._queue: deque[_Page[RequestT, ResponseT]] = deque()
        self._changed = asyncio.Event()
        self._arriving = 0
        self._last_batch_requests = 1
        self.fatal: EngineError | None = None
        self.running_since: float | None = None

    @contextmanager
    def arrival(self) -> Iterator[None]:
        """Tell that a request is on its way: held while its body is received and decoded."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1
            self._changed.set()

    def enqueue(self, items: Sequence[RequestT], pixels: Sequence[int]) -> QueuedRequest[ResponseT]:
        """Queue the pages of one request; it is `done` when every page has its answer.

        A request larger than the whole queue is taken when nothing else waits. Awaiting `done` raises
        EngineError where the engine fails for good meanwhile.

        Raises:
            CapacityError: OVERLOADED, the queue is full.
            EngineError: the engine failed for good; so will every later call.
        """
        if self.fatal:
            raise EngineError(self.fatal.message, code=self.fatal.code)
        if self._queue and len(self._queue) + len(items) > self._limits.queue_pages:
            raise CapacityError(f"{len(self._queue)} pages are waiting already")
        request: QueuedRequest[ResponseT] = QueuedRequest(
            [None] * len(items), asyncio.get_running_loop().create_future()
        )
        if not items:
            request.done.set_result(None)
        self._queue.extend(
            _Page(item, size, place, request)
            for place, (item, size) in enumerate(zip(items, pixels, strict=True))
        )
        self._note_depth()
        return request

    def drop(self, request: QueuedRequest[ResponseT]) -> None:
        """Forget a request that nobody waits for any more; one that is done stays as it is."""
        if request.done.cancel():
            self._queue = deque(page for page in self._queue if page.request is not request)
            self._note_depth()

    async def work(self) -> None:
        """Empty the queue for ever, or until the engine fails for good."""
        while self.fatal is None:
            batch = await self._gather()
            if batch:
                await self._run_batch(batch)

    async def _gather(self) -> list[_Page[RequestT, ResponseT]]:
        while not self._queue:
            self._changed.clear()
            await self._changed.wait()
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                while not self._full() and self._more_expected():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self._take()

    def _full(self) -> bool:
        enough_pixels = sum(page.pixels for page in self._queue) >= self._limits.pixels
        return len(self._queue) >= self._limits.pages or enough_pixels

    def _more_expected(self) -> bool:
        return self._arriving > 0 or _request_count(self._queue) < self._last_batch_requests

    def _take(self) -> list[_Page[RequestT, ResponseT]]:
        batch: list[_Page[RequestT, ResponseT]] = []
        pixels = 0
        while self._queue and len(batch) < self._limits.pages:
            if batch and pixels + self._queue[0].pixels > self._limits.pixels:
                break
            batch.append(self._queue.popleft())
            pixels += batch[-1].pixels
        self._note_depth()
        return batch

    async def _run_batch(self, batch: Sequence[_Page[RequestT, ResponseT]]) -> None:
        self._last_batch_requests = _request_count(batch)
        started = self.running_since = perf_counter()
        for request in {page.request for page in batch}:
            if request.queue_seconds is None:
                request.queue_seconds = started - request.queued_at
                self._metrics.queue_seconds.observe(request.queue_seconds)
        items = [page.item for page in batch]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: answer_each(self._run, items)
            )
        except Exception as error:
            fatal = (
                error if isinstance(error, EngineError) else EngineError(f"unexpected {type(error).__name__}")
            )
            self._fail(fatal, batch)
            return
        finally:
            self.running_since = None
            seconds = perf_counter() - started
            self._metrics.observe_batch(len(batch), seconds)
            for request in {page.request for page in batch}:
                request.run_seconds += seconds
        for page, answer in zip(batch, answers, strict=True):
            page.request.put(page.place, answer)

    def _fail(self, error: EngineError, batch: Sequence[_Page[RequestT, ResponseT]]) -> None:
        log.critical("the engine failed for good; this container must be replaced", exc_info=error)
        self.fatal = error
        for page in [*batch, *self._queue]:
            if not page.request.done.done():
                page.request.done.set_exception(EngineError(error.message, code=error.code))
        self._queue.clear()
        self._note_depth()

    def _note_depth(self) -> None:
        self._metrics.queue_pages.set(len(self._queue))
        self._changed.set()


def answer_each(run: Run[RequestT, ResponseT], items: Sequence[RequestT]) -> list[ResponseT | ErrorInfo]:
    """Run a batch; where it raises, run its pages one by one, so that only the page at fault fails.

    Raises:
        EngineError: the engine itself failed; no page is at fault.
    """
    try:
        answers = run(items)
        if len(answers) != len(items):
            raise OcrError(f"the stage gave {len(answers)} answers for {len(items)} pages")
        return [ErrorInfo.of(answer) if isinstance(answer, OcrError) else answer for answer in answers]
    except EngineError:
        raise
    except Exception as error:
        alone = len(items) == 1
        log.exception(
            "a page failed" if alone else "a batch failed; its pages are run one by one",
            extra=fields(code=ErrorInfo.of(error).code.value, pages=len(items)),
        )
        if alone:
            return [ErrorInfo.of(error)]
    return [answer for item in items for answer in answer_each(run, [item])]


def _request_count(pages: Sequence[_Page[RequestT, ResponseT]] | deque[_Page[RequestT, ResponseT]]) -> int:
    """How many requests these pages come from."""
    return len({page.request for page in pages})
