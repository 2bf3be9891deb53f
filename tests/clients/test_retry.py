"""Trying again: only what can heal, only while there is time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.clients.retry import LONGEST_PAUSE, Deadline, retry_while_busy
from hybrid_ocr.contracts.errors import CapacityError, EngineError, OcrError


class Scripted:
    """Raises each error in turn, then answers."""

    def __init__(self, *errors: OcrError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@given(st.integers(0, 12))
def test_a_call_that_is_refused_is_made_again_until_it_is_answered(refusals: int) -> None:
    call = Scripted(*[CapacityError("full")] * refusals)
    pauses: list[float] = []
    assert retry_while_busy(call, Deadline.after(3600), sleep=pauses.append) == "answer"
    assert call.calls == refusals + 1
    assert len(pauses) == refusals
    assert all(0 <= pause <= LONGEST_PAUSE for pause in pauses)


def test_what_cannot_heal_is_raised_at_once() -> None:
    call = Scripted(CapacityError("full"), EngineError("broken"))
    with pytest.raises(EngineError):
        retry_while_busy(call, Deadline.after(3600), sleep=lambda _: None)
    assert call.calls == 2


def test_nothing_is_tried_after_the_deadline() -> None:
    call = Scripted(*[CapacityError("full")] * 10)
    with pytest.raises(CapacityError, match="full"):
        retry_while_busy(call, Deadline(at=time.monotonic() - 1, seconds=1))
    assert call.calls == 1


def test_pauses_differ_so_that_callers_do_not_come_back_together() -> None:
    pauses: list[float] = []
    for _ in range(2):
        retry_while_busy(Scripted(*[CapacityError("full")] * 5), Deadline.after(3600), sleep=pauses.append)
    assert len(set(pauses)) == len(pauses)
