"""Calls again while the other side says "not now", until a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from hybrid_ocr.contracts.errors import CapacityError

T = TypeVar("T")

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
"""Seconds; upper bounds of what is drawn."""


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, and how far away it was."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """So many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())


def retry_while_busy(
    call: Callable[[], T], deadline: Deadline, *, sleep: Callable[[float], object] = time.sleep
) -> T:
    """Call until it raises no CapacityError.

    Pauses are drawn between nothing and a bound that doubles ("full jitter", Brooker 2015, AWS Architecture
    Blog), so that callers that were refused together do not come back together.

    Args:
        call: what to try; must be safe to repeat.
        deadline: no attempt starts after it.
        sleep: waits; may return early.

    Raises:
        CapacityError: the last one, when no attempt is left before the deadline.
    """
    longest = FIRST_PAUSE
    while True:
        try:
            return call()
        except CapacityError:
            pause = random.uniform(0, longest)  # noqa: S311 - jitter, not a secret
            if pause >= deadline.remaining:
                raise
        sleep(pause)
        longest = min(2 * longest, LONGEST_PAUSE)
