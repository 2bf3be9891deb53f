"""One endpoint as a fluid queue, tick by tick.

Its outflow, at n invocations in the system, is that of the stationary many-server queue that has n in it on
average (W. Wang, D. Tipper, S. Banerjee, "A simple approximation for modeling nonstationary queues", INFOCOM
1996). Where more work is there than slots, chance or no chance, all of them are busy: in overload it is a
plain fluid, at ease it has the known mean queue.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

import numpy as np

from autoscaling.simulation.documents import Passage
from autoscaling.simulation.fleet import PATIENCE_SECONDS, Fleet, cold_starts
from autoscaling.simulation.model import EndpointModel, EndpointSeries, Floats
from ocr_core.contracts.errors import ConfigurationError

__all__ = ["Basin", "Curve", "FluidQueue"]

_NOTHING: Final = 1e-6
"""Invocations: less than this is rounding, not work."""

_CRUMB: Final = 0.05
"""Invocations: less than this is none, once nothing more comes."""

_STEADY: Final = 0.9
"""Utilisation: a queue longer than the mean one at it comes from overload, not from chance."""


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

    def follow(self, arrival: Floats, service: Floats, random: np.random.Generator) -> Passage:
        """How invocations fare that come at (n,) seconds and are worked on for (n,) seconds."""
        wait = self._wait(arrival)
        start = arrival + self._by_chance(arrival, wait, random)
        cold_start = cold_starts(self.changes, arrival, start)
        return Passage(arrival, start + service, cold_start, service)

    def _wait(self, arrival: Floats) -> Floats:
        """First come, first served: until as much has been started as had come."""
        edges = np.arange(len(self.inflow) + 1) * self.tick_seconds
        came = np.concatenate([[0.0], np.cumsum(self.inflow)])
        started = np.maximum.accumulate(came - np.concatenate([[0.0], self.waiting]))
        own = np.interp(arrival, edges, came)
        index = np.searchsorted(started, own - _NOTHING, side="left")
        served = index < len(started)
        after = np.minimum(index, len(started) - 1)
        before = np.maximum(after - 1, 0)
        step = np.maximum(started[after] - started[before], _NOTHING)
        share = np.clip((own - started[before]) / step, 0.0, 1.0)
        start = edges[before] + share * (edges[after] - edges[before])
        return np.where(served & np.isfinite(arrival), np.maximum(start - arrival, 0.0), math.inf)

    def _by_chance(self, arrival: Floats, wait: Floats, random: np.random.Generator) -> Floats:
        """The same waits on average, the part of them that is chance drawn from its distribution."""
        finite = np.where(np.isfinite(arrival), arrival, 0.0)
        tick = np.minimum((finite / self.tick_seconds).astype(np.int64), len(self.inflow) - 1)
        slots = np.maximum(self.slots[tick], 1.0)
        utilisation = np.minimum(self.outflow[tick] / (self.queue.per_slot * slots), _STEADY)
        busy = np.maximum(slots * utilisation, _NOTHING)
        steady = self.queue.waiting(slots, utilisation) * self.queue.mean_service / busy
        chance = np.where(self.slots[tick] > 0, np.minimum(wait, steady), 0.0)
        waits = utilisation ** (np.sqrt(2 * (slots + 1)) - 1)
        drawn = random.exponential(1.0, len(wait)) * (random.random(len(wait)) < waits)
        return np.asarray(wait - chance + chance * drawn / np.maximum(waits, _NOTHING))


class Basin:
    """One endpoint while the flow goes through it."""

    def __init__(
        self,
        model: EndpointModel,
        queue: FluidQueue,
        fleet: Fleet,
        *,
        tick_seconds: float,
        random: np.random.Generator,
    ) -> None:
        self._model, self._queue, self._fleet, self._tick = model, queue, fleet, tick_seconds
        self._random = random
        self._in_period = round(fleet.period_seconds / tick_seconds)
        if abs(self._in_period * tick_seconds - fleet.period_seconds) > _NOTHING or not self._in_period:
            raise ConfigurationError(
                f"tick_seconds {tick_seconds:g}: a whole number of ticks must make a period of"
                f" {model.policy.tracking.metric}, which is {fleet.period_seconds:g} s"
            )
        self._ticks_per_reading = max(1, self._in_period // fleet.readings_in_period)
        self._called: list[int] = []
        self._there = 0.0
        self._fluid = 0.0
        self._backlog: list[float] = []
        self._outflow: list[float] = []
        self._waiting: list[float] = []
        self._slots: list[int] = []
        self._series: list[tuple[float, float, float, float]] = []

    def run(self, inflow: Floats, calls: Floats | None) -> Curve:
        """All of the (t,) inflow, and on until it has gone; where `calls` is above 0 a sleeper is woken."""
        came = inflow.tolist()
        self._called = [] if calls is None else np.flatnonzero(calls > 0).tolist()
        index, last = 0, len(came) + int(PATIENCE_SECONDS / self._tick)
        while index < len(came) or (self._there > _NOTHING and index < last):
            self._let_happen(index)
            end = self._next_stop(index)
            stretch = came[index:end]
            self._pass(stretch + [0.0] * (end - index - len(stretch)))
            index = end
            if index % self._in_period == 0:
                self._end_period(index * self._tick, sum(came[index - self._in_period : index]))
        return self._curve(inflow, index)

    def _end_period(self, now: float, arrived: float) -> None:
        """Read the gauges and tell the fleet."""
        waiting = self._waiting[-1] if self._waiting[-1] > _NOTHING else 0.0
        readings = self._backlog[self._ticks_per_reading - 1 :: self._ticks_per_reading]
        # Invocations are whole: what is seen of a mean is a Poisson number, now and then none at all.
        total = float(self._random.poisson(sum(readings)))
        self._fleet.sample(now, total / len(readings), waiting, arrived)
        self._series.append((now, self._there, self._fleet.in_service, self._fleet.desired))
        self._backlog.clear()

    def _let_happen(self, index: int) -> None:
        """What is due at the start of a tick."""
        now, fleet = index * self._tick, self._fleet
        while fleet.next_event <= now:
            change = fleet.handle()
            if change.instances < 0 and not change.failed:
                self._finish_in_flight()
        if not fleet.desired and self._next_call(index) == index:
            fleet.wake(now)

    def _finish_in_flight(self) -> None:
        """What leaves service finishes what it works on: a service time passes as one instant."""
        left = self._fleet.in_service * self._model.concurrency
        finished = max(min(self._there, self._slots[-1]) - left, 0.0) if self._slots else 0.0
        if finished:
            self._there -= finished
            self._fluid = min(self._fluid, self._there)
            self._outflow[-1] += finished

    def _next_stop(self, index: int) -> int:
        """The tick up to which nothing happens."""
        end = index - index % self._in_period + self._in_period
        if self._fleet.next_event < end * self._tick:
            end = min(end, max(index + 1, math.ceil(self._fleet.next_event / self._tick - _NOTHING)))
        return end if self._fleet.desired else int(min(end, self._next_call(index + 1)))

    def _next_call(self, index: int) -> float:
        """The first tick from this one on at which a sleeper is woken."""
        at = bisect_left(self._called, index)
        return self._called[at] if at < len(self._called) else math.inf

    def _pass(self, came: list[float]) -> None:
        """A stretch of ticks with the instances that there are now."""
        slots = self._fleet.in_service * self._model.concurrency
        total, leaves = self._queue.table(slots)
        there, fluid, per_slot = self._there, self._fluid, self._queue.per_slot
        most = slots * per_slot
        outflow, waiting, backlog = self._outflow, self._waiting, self._backlog
        for inflow in came:
            there += inflow
            fluid += inflow
            fluid = max(fluid - most, fluid / (1 + per_slot))
            index = bisect_right(total, there)
            if fluid > slots or index == len(total):
                out = most
            else:
                low, least = total[index - 1], leaves[index - 1]
                out = least + (there - low) * (leaves[index] - least) / (total[index] - low)
            there -= out
            if there < _CRUMB and not inflow and slots:
                out, there, fluid = out + there, 0.0, 0.0
            backlog.append(there)
            outflow.append(out)
            waiting.append(there - out / per_slot)
        self._there, self._fluid = there, fluid
        self._slots += [slots] * len(came)

    def _curve(self, inflow: Floats, ticks: int) -> Curve:
        self._fleet.close(ticks * self._tick)
        outflow, waiting = np.array(self._outflow), np.maximum(self._waiting, 0.0)
        if self._there <= _NOTHING:
            waiting[-1] = 0.0
        times, backlog, instances, desired = np.array(self._series).reshape(-1, 4).T
        work = float(outflow.sum()) * self._queue.mean_service
        series = EndpointSeries(
            times,
            backlog,
            instances,
            desired,
            paid_seconds=self._fleet.paid_seconds,
            busy_seconds=work / self._model.concurrency,
        )
        return Curve(
            inflow=np.pad(inflow, (0, ticks - len(inflow))),
            outflow=outflow,
            waiting=waiting,
            slots=np.array(self._slots, dtype=np.float64),
            queue=self._queue,
            tick_seconds=self._tick,
            changes=self._fleet.changes,
            series=series,
        )
