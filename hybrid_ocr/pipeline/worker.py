"""A stage on a thread of its own, fed by the stage before it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, StageName
from hybrid_ocr.contracts.stage import Stage

log = logging.getLogger(__name__)


class Page(Protocol):
    """What stages take and give: something about one page."""

    @property
    def number(self) -> int:
        """The page, from 1."""
        ...


PendingAnswer = Future[Any]
"""What a stage says about a page, once it has said it: a message of its kind, or a FailedPage.

The future raises only where the stage could not be loaded.
"""


class StageWorker:
    """Loads a stage on a thread and runs it there; the pages that wait together run together.

    Args:
        name: the stage.
        load: imports, loads and warms up the stage; called on the thread.
        most: pages in one call of the stage.
    """

    def __init__(self, name: StageName, load: Callable[[], Stage[Any, Any]], most: int = 1) -> None:
        self._name, self._load, self._most = name, load, most
        self._waiting: queue.SimpleQueue[tuple[Any, PendingAnswer] | None] = queue.SimpleQueue()
        self._stage: Future[Stage[Any, Any]] = Future()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def model(self) -> ModelIdentity | None:
        """The weights that answer; waits until the stage is loaded. Raises what loading it raised."""
        return self._stage.result().model

    def ask(self, page: Page) -> PendingAnswer:
        """Hand over a page. A page that failed before is its own answer."""
        answer: PendingAnswer = Future()
        self._hand_over(page, answer)
        return answer

    def follow(self, previous: PendingAnswer) -> PendingAnswer:
        """Hand over the answer of another stage as soon as it is there."""
        answer: PendingAnswer = Future()

        def continue_with(done: PendingAnswer) -> None:
            if error := done.exception():
                answer.set_exception(error)
            else:
                self._hand_over(done.result(), answer)

        previous.add_done_callback(continue_with)
        return answer

    def close(self) -> None:
        """Finish what is waiting, then end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _hand_over(self, page: Page, answer: PendingAnswer) -> None:
        if isinstance(page, FailedPage):
            answer.set_result(page)
        else:
            self._waiting.put((page, answer))

    def _serve(self) -> None:
        try:
            self._stage.set_result(self._load())
        except Exception as error:
            self._stage.set_exception(error)
        while (first := self._waiting.get()) is not None:
            batch, ended = self._batch(first)
            if unloaded := self._stage.exception():
                for _, answer in batch:
                    answer.set_exception(unloaded)
            else:
                self._run(self._stage.result(), batch)
            if ended:
                return

    def _batch(self, first: tuple[Any, PendingAnswer]) -> tuple[list[tuple[Any, PendingAnswer]], bool]:
        """What waits, up to the most that run together; and whether the end came with it."""
        batch = [first]
        while len(batch) < self._most:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _run(self, stage: Stage[Any, Any], batch: Sequence[tuple[Any, PendingAnswer]]) -> None:
        try:
            outcomes = stage.run([page for page, _ in batch])
        except Exception as error:
            if len(batch) > 1:
                for alone in batch:  # a page must not cost its neighbours
                    self._run(stage, [alone])
                return
            log.exception("page %d: %s failed", batch[0][0].number, self._name)
            outcomes = [error]
        for (page, answer), outcome in zip(batch, outcomes, strict=True):
            answer.set_result(self._failed(page, outcome) if isinstance(outcome, Exception) else outcome)

    def _failed(self, page: Page, error: Exception) -> FailedPage:
        return FailedPage(number=page.number, stage=self._name, error=ErrorInfo.of(error))


def once_all_are_done(answers: Sequence[PendingAnswer], action: Callable[[], None]) -> None:
    """Call `action` once, from whichever thread gives the last answer."""
    lock = threading.Lock()
    left = len(answers)

    def count(_: PendingAnswer) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            action()

    for answer in answers:
        answer.add_done_callback(count)
