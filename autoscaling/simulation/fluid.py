"""One endpoint as a fluid queue, tick by tick.

Its outflow, at n invocations in the system, is that of the stationary many-server queue that has n in it on
average (W. Wang, D. Tipper, S. Banerjee, "A simple approximation for modeling nonstationary queues", INFOCOM
1996). Where more work is there than slots, chance or no chance, all of them are busy: in overload it is a
plain fluid, at ease it has the known mean queue.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final

import numpy as np

from autoscaling.simulation.curve import Curve
from autoscaling.simulation.fleet import PATIENCE_SECONDS, Fleet
from autoscaling.simulation.model import EndpointModel, Floats
from autoscaling.simulation.outcome import EndpointSeries
from autoscaling.simulation.queue import NOTHING, FluidQueue
from hybrid_ocr.contracts.errors import ConfigurationError

__all__ = ["Basin"]

_CRUMB: Final = 0.05
"""Invocations: less than this is none, once nothing more comes."""


def _by_period(ticks: Floats, in_period: int) -> list[float]:
    """Sums over whole periods, the last one filled up with nothing."""
    whole = np.pad(ticks, (0, -len(ticks) % in_period))
    return [float(each) for each in whole.reshape(-1, in_period).sum(axis=1)]


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
        clump: float,
    ) -> None:
        self._clump = clump
        self._model, self._queue, self._fleet, self._tick = model, queue, fleet, tick_seconds
        self._random = random
        self._in_period = round(fleet.period_seconds / tick_seconds)
        if abs(self._in_period * tick_seconds - fleet.period_seconds) > NOTHING or not self._in_period:
            raise ConfigurationError(
                f"tick_seconds {tick_seconds:g}: a whole number of ticks must make a period of"
                f" {model.policy.tracking.metric}, which is {fleet.period_seconds:g} s"
            )
        self._ticks_per_reading = max(1, self._in_period // fleet.readings_in_period)
        self._there = 0.0
        self._fluid = 0.0
        self._backlog: list[float] = []
        self._outflow: list[float] = []
        self._waiting: list[float] = []
        self._slots: list[int] = []
        self._series: list[tuple[float, float, float, float]] = []

    def run(self, inflow: Floats, documents: Floats) -> Curve:
        """All of the (t,) inflow, and on until it has gone; (t,) documents come to the flow meanwhile."""
        came = inflow.tolist()
        arrived, coming = _by_period(inflow, self._in_period), _by_period(documents, self._in_period)
        coming += [0.0] * (len(arrived) - len(coming))
        index, last = 0, len(came) + int(PATIENCE_SECONDS / self._tick)
        while index < len(came) or (self._there > NOTHING and index < last):
            self._let_happen(index)
            end = self._next_stop(index)
            stretch = came[index:end]
            self._pass(stretch + [0.0] * (end - index - len(stretch)))
            index = end
            if index % self._in_period == 0:
                period = index // self._in_period - 1
                told = (arrived[period], coming[period]) if period < len(arrived) else (0.0, 0.0)
                self._end_period(index * self._tick, *told)
        return self._curve(inflow, index)

    def _end_period(self, now: float, arrived: float, documents: float) -> None:
        """Read the gauges and tell the fleet."""
        waiting = self._waiting[-1] if self._waiting[-1] > NOTHING else 0.0
        self._fleet.sample(now, self._seen_backlog(), waiting, arrived=arrived, documents=documents)
        self._series.append((now, self._there, self._fleet.in_service, self._fleet.desired))
        self._backlog.clear()

    def _seen_backlog(self) -> float | None:
        """Invocations of each instance, as the readings of the period have it; None without any instance.

        Invocations are whole and come in clumps: what is seen of a mean is a Poisson number of these, now and
        then none at all.
        """
        every = slice(self._ticks_per_reading - 1, None, self._ticks_per_reading)
        slots = self._slots[-len(self._backlog) :][every]
        seen = [(there, m) for there, m in zip(self._backlog[every], slots, strict=True) if m]
        if not seen:
            return None
        total = sum([there for there, _ in seen])
        if total <= 0:  # rounding can leave -1e-17
            return 0.0
        each = sum([there / m for there, m in seen]) * self._model.concurrency / len(seen)
        return float(self._random.poisson(total / self._clump)) * self._clump * each / total

    def _let_happen(self, index: int) -> None:
        """What is due at the start of a tick."""
        now, fleet = index * self._tick, self._fleet
        while fleet.next_event <= now:
            change = fleet.handle()
            if change.instances < 0 and not change.failed:
                self._finish_in_flight()

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
            end = min(end, max(index + 1, math.ceil(self._fleet.next_event / self._tick - NOTHING)))
        return end

    def _pass(self, came: list[float]) -> None:
        """A stretch of ticks with the instances that there are now."""
        slots = self._fleet.in_service * self._model.concurrency
        total, leaves = self._queue.table(slots)
        there, fluid, per_slot = self._there, self._fluid, self._queue.per_slot
        most = slots * per_slot
        busiest = slots * (1 + per_slot)  # above it all slots are busy through the tick
        outflow, waiting, backlog = self._outflow, self._waiting, self._backlog
        for inflow in came:
            there += inflow
            fluid += inflow
            fluid = fluid - most if fluid > busiest else fluid / (1 + per_slot)
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
        if self._there <= NOTHING:
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
