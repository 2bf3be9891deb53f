"""A sweep stays for as long as notices are being lost, and no longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hybrid_ocr.storage.settle import End
from lambdas.sweep.linger import QUIET_ROUNDS, linger
from lambdas.sweep.sweep import Round


def play(rounds: Sequence[Round], time_for: int = 100) -> tuple[Round, int]:
    """Linger over rounds that were agreed on; what it told, and how many it made."""
    left = list(rounds)
    pauses: list[float] = []
    told = linger(
        lambda: left.pop(0) if left else Round(), lambda: len(pauses) <= time_for - 1, pauses.append
    )
    return told, len(pauses) + 1


def found(open_tickets: int, recovered: int = 0) -> Round:
    return Round(open_tickets=open_tickets, ends=Counter({End.SUCCEEDED: recovered}))


def test_where_nothing_is_lost_one_round_is_all() -> None:
    assert play([found(open_tickets=5)])[1] == 1


def test_after_a_recovery_it_waits_for_the_next_stage() -> None:
    told, rounds = play([found(2, recovered=2), found(0), found(2), found(2, recovered=2)])
    assert told.ends[End.SUCCEEDED] == 4
    assert told.open_tickets == 2
    assert rounds == 4 + QUIET_ROUNDS


def test_it_ends_with_its_time() -> None:
    told, rounds = play([found(1, recovered=1), *[found(1)] * 50], time_for=3)
    assert rounds == 4
    assert told.ends[End.SUCCEEDED] == 1
