"""A sweep that recovers tickets stays: where one notice was lost, that of the next stage will be too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hybrid_ocr.storage.settle import End
from lambdas.sweep.sweep import Round

PAUSE_SECONDS: Final = 1.0
"""Between two rounds: about what a stage takes for a batch."""
QUIET_ROUNDS: Final = 5
"""So many rounds that recover nothing end the sweep: a state needs a moment to come to its next stage."""


def linger(once: Callable[[], Round], in_time: Callable[[], bool], pause: Callable[[float], None]) -> Round:
    """Make rounds for as long as notices are being lost and there is time.

    Args:
        once: makes one round through the open tickets.
        in_time: whether there is time for another.
        pause: waits for some seconds.

    Returns:
        All rounds together; `open_tickets` and `oldest_seconds` are those of the first one, which an alarm is
        about.
    """
    total = once()
    quiet = 0
    while recovered(total) and total.complete and quiet < QUIET_ROUNDS:
        pause(PAUSE_SECONDS)
        if not in_time():
            break
        again = once()
        quiet = 0 if recovered(again) else quiet + 1
        total.ends += again.ends
        total.stale_tokens += again.stale_tokens
        total.unsettled += again.unsettled
        total.complete = again.complete
    return total


def recovered(round_: Round) -> int:
    """How many tickets were answered whose notice had not come."""
    return round_.ends[End.SUCCEEDED] + round_.ends[End.FAILED]
