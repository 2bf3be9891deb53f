"""How invocations fare that follow one another along the curves of a fluid queue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from autoscaling.simulation.documents import Passage
from autoscaling.simulation.fleet import cold_starts
from autoscaling.simulation.model import Counts, Floats
from autoscaling.simulation.outcome import EndpointSeries
from autoscaling.simulation.queue import NOTHING, FluidQueue

__all__ = ["Curve"]

_STEADY: Final = 0.9
"""Utilisation: a queue longer than the mean one at it comes from overload, not from chance."""


@dataclass(frozen=True)
class Curve:
    """One endpoint over (t,) ticks: inflow and outflow of each, and at its end what waits and how many slots
    there are and work."""

    inflow: Floats
    outflow: Floats
    waiting: Floats
    slots: Floats
    queue: FluidQueue
    tick_seconds: float
    changes: list[tuple[float, int]]
    series: EndpointSeries

    def follow(
        self,
        arrival: Floats,
        service: Floats,
        document: Counts,
        random: np.random.Generator,
        *,
        together: bool,
    ) -> Passage:
        """How invocations fare that come at (n,) seconds and are worked on for (n,) seconds.

        Args:
            arrival: seconds.
            service: seconds.
            document: of each, ascending.
            random: draws what is chance.
            together: those of a document come at the same time.
        """
        wait = self._wait(arrival)
        behind = np.zeros(len(wait))
        if together:
            behind = _behind_each_other(document, service, self._slots_at(arrival))
        start = arrival + self._by_chance(arrival, wait, behind, document, random)
        cold_start = cold_starts(self.changes, arrival, start)
        return Passage(arrival, start + service, cold_start, service)

    def _wait(self, arrival: Floats) -> Floats:
        """First come, first served: until as much has been started as had come."""
        edges = np.arange(len(self.inflow) + 1) * self.tick_seconds
        came = np.concatenate([[0.0], np.cumsum(self.inflow)])
        started = np.maximum.accumulate(came - np.concatenate([[0.0], self.waiting]))
        own = np.interp(arrival, edges, came)
        index = np.searchsorted(started, own - NOTHING, side="left")
        served = index < len(started)
        after = np.minimum(index, len(started) - 1)
        before = np.maximum(after - 1, 0)
        step = np.maximum(started[after] - started[before], NOTHING)
        share = np.clip((own - started[before]) / step, 0.0, 1.0)
        start = edges[before] + share * (edges[after] - edges[before])
        return np.where(served & np.isfinite(arrival), np.maximum(start - arrival, 0.0), math.inf)

    def _ticks(self, arrival: Floats) -> Counts:
        finite = np.where(np.isfinite(arrival), arrival, 0.0)
        return np.minimum((finite / self.tick_seconds).astype(np.int64), len(self.inflow) - 1)

    def _slots_at(self, arrival: Floats) -> Floats:
        return np.maximum(self.slots[self._ticks(arrival)], 1.0)

    def _by_chance(
        self, arrival: Floats, wait: Floats, behind: Floats, document: Counts, random: np.random.Generator
    ) -> Floats:
        """The same waits on average, the part of them that is chance drawn from its distribution.

        A part of that is waiting `behind` others of the same document, which is known; all of a document meet
        the same chance.
        """
        tick, slots = self._ticks(arrival), self._slots_at(arrival)
        utilisation = np.minimum(self.outflow[tick] / (self.queue.per_slot * slots), _STEADY)
        busy = np.maximum(slots * utilisation, NOTHING)
        steady = self.queue.waiting(slots, utilisation) * self.queue.mean_service / busy
        chance = np.where(self.slots[tick] > 0, np.minimum(wait, steady), 0.0)
        known = (np.bincount(document, weights=behind) / np.maximum(np.bincount(document), 1))[document]
        others = np.maximum(chance - known, 0.0)
        waits = utilisation ** (np.sqrt(2 * (slots + 1)) - 1)
        documents = int(document[-1]) + 1 if len(document) else 0
        met = random.random(documents)[document] < waits
        drawn = random.exponential(1.0, documents)[document] * met / np.maximum(waits, NOTHING)
        return np.asarray(wait - chance + behind + others * drawn)


def _behind_each_other(document: Counts, service: Floats, slots: Floats) -> Floats:
    """(n,) seconds that invocations of a document that come together wait for each other on free slots."""
    own = np.zeros(len(document))
    count = np.bincount(document)
    first = np.cumsum(count) - count
    room = slots[np.minimum(first, len(slots) - 1)].astype(np.int64)
    tight = np.flatnonzero(count > room)
    if not len(tight):
        return own
    free = np.where(np.arange(room[tight].max()) < room[tight, None], 0.0, math.inf)
    for position in range(int(count[tight].max())):
        rows = np.flatnonzero(count[tight] > position)
        index = first[tight[rows]] + position
        place = free[rows].argmin(axis=1)
        own[index] = free[rows, place]
        free[rows, place] += service[index]
    return own
