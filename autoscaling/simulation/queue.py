"""The many-server queue that a fluid follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from autoscaling.simulation.model import Floats

__all__ = ["NOTHING", "FluidQueue"]

NOTHING: Final = 1e-6
"""Invocations: less than this is rounding, not work."""


class FluidQueue:
    """A many-server queue over one tick, as a table for each number of slots.

    For utilisation r of m slots, L = r^sqrt(2 (m + 1)) / (1 - r) x variability invocations wait on average
    (H. Sakasegawa, "An approximation formula", Ann. Inst. Statist. Math. 29, 1977) and m r are worked on.
    What is in the system after a tick, m r + L, and what left in it, m r x per_slot, add up to what was there
    before and came: looking up that sum is an implicit step, stable however long the tick.
    """

    _FULL: Final = 0.9995

    def __init__(self, mean_service: float, variability: float, tick_seconds: float) -> None:
        self.mean_service = mean_service
        self.per_slot = tick_seconds / mean_service
        """Invocations that a busy slot finishes in a tick."""
        self._variability = variability
        self._tables: dict[int, tuple[list[float], list[float]]] = {}

    def waiting(self, slots: Floats, utilisation: Floats) -> Floats:
        """Invocations that wait on average, elementwise."""
        r = np.minimum(utilisation, self._FULL)
        return np.asarray(r ** np.sqrt(2 * (slots + 1)) / (1 - r) * self._variability)

    def table(self, slots: int) -> tuple[list[float], list[float]]:
        """What is there and comes in a tick, ascending from 0, and what leaves of it."""
        if slots not in self._tables:
            utilisation = 1 - np.geomspace(1 - self._FULL, 1, 500)[::-1]
            busy = slots * utilisation
            outflow = busy * self.per_slot
            total = busy + self.waiting(np.array(float(slots)), utilisation) + outflow
            self._tables[slots] = total.tolist(), outflow.tolist()
        return self._tables[slots]
