"""A stage on its thread: order, batches, failures that stay where they belong."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import DocumentError, EngineError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, PageRegions
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.pipeline.worker import PendingAnswer, StageWorker, once_all_are_done

WAIT = 60


def page(number: int) -> PageRegions:
    return PageRegions(number=number, width=10, height=10, regions=())


class FakeStage:
    """Answers a page with itself; one of `bad` with an error, and raises over one of `fatal`."""

    def __init__(self, bad: Sequence[int] = (), fatal: Sequence[int] = ()) -> None:
        self.bad, self.fatal = bad, fatal
        self.calls: list[list[int]] = []
        self.may_run = threading.Event()
        self.may_run.set()

    @classmethod
    def load(cls, context: StageContext) -> Self:
        raise NotImplementedError

    @property
    def model(self) -> ModelIdentity | None:
        return ModelIdentity(name="fake", version="1", sha256="0" * 64)

    def run(self, batch: Sequence[Any]) -> list[Any]:
        assert self.may_run.wait(WAIT)
        numbers = [each.number for each in batch]
        self.calls.append(numbers)
        if set(numbers) & set(self.fatal):
            raise EngineError("broken")
        return [DocumentError("bad") if each.number in self.bad else each for each in batch]


def result(answer: PendingAnswer) -> Any:
    return answer.result(WAIT)


@given(st.lists(st.integers(1, 50), max_size=30, unique=True), st.integers(1, 8), st.data())
def test_every_page_gets_its_own_answer(numbers: list[int], most: int, data: st.DataObject) -> None:
    some = st.lists(st.sampled_from(numbers), unique=True) if numbers else st.just([])
    stage = FakeStage(bad=data.draw(some), fatal=data.draw(some))
    worker = StageWorker("ocr", lambda: stage, most)
    answers = [result(worker.ask(page(number))) for number in numbers]
    worker.close()
    assert [answer.number for answer in answers] == numbers
    for answer in answers:
        failed = answer.number in {*stage.bad, *stage.fatal}
        assert isinstance(answer, FailedPage if failed else PageRegions)
    assert all(len(call) <= most for call in stage.calls)


def test_pages_that_wait_together_run_together() -> None:
    stage = FakeStage()
    stage.may_run.clear()
    worker = StageWorker("ocr", lambda: stage, 4)
    answers = [worker.ask(page(number)) for number in range(1, 11)]
    stage.may_run.set()
    worker.close()
    assert [result(answer).number for answer in answers] == list(range(1, 11))
    assert max(map(len, stage.calls)) == 4


def test_a_page_that_breaks_the_network_does_not_cost_its_neighbours() -> None:
    stage = FakeStage(fatal=[2])
    stage.may_run.clear()
    worker = StageWorker("ocr", lambda: stage, 4)
    answers = [worker.ask(page(number)) for number in (1, 2, 3)]
    stage.may_run.set()
    worker.close()
    first, second, third = map(result, answers)
    assert isinstance(first, PageRegions)
    assert isinstance(third, PageRegions)
    assert second.error.code == ErrorCode.ENGINE_FAILED
    assert second.stage == "ocr"


def test_a_page_that_failed_before_passes_by() -> None:
    stage = FakeStage()
    worker, then = StageWorker("text_detection", lambda: stage), StageWorker("ocr", lambda: stage)
    error = ErrorInfo(code=ErrorCode.CORRUPT_DOCUMENT, message="cut", retryable=False)
    lost = FailedPage(number=7, stage="text_detection", error=error)
    assert result(then.follow(worker.ask(lost))) is lost
    assert stage.calls == []
    worker.close()
    then.close()


def test_a_stage_that_cannot_be_loaded_is_raised_to_whoever_asks() -> None:
    def load() -> FakeStage:
        raise EngineError("no such device", code=ErrorCode.ENGINE_UNAVAILABLE)

    worker = StageWorker("text_detection", load)
    following = StageWorker("ocr", FakeStage)
    answer = following.follow(worker.ask(page(1)))
    with pytest.raises(EngineError, match="no such device"):
        result(answer)
    with pytest.raises(EngineError, match="no such device"):
        _ = worker.model
    worker.close()
    following.close()


def test_once_all_are_done_is_once() -> None:
    answers: list[PendingAnswer] = [PendingAnswer() for _ in range(3)]
    calls: list[None] = []
    once_all_are_done(answers, lambda: calls.append(None))
    for number, answer in enumerate(answers, start=1):
        assert not calls
        answer.set_result(page(number))
    assert len(calls) == 1
