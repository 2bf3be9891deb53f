"""One endpoint, one invocation after another: who waits, who is worked on, and which instances are there."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass

import numpy as np

from autoscaling.simulation.documents import Passage
from autoscaling.simulation.fleet import PATIENCE_SECONDS, Fleet, cold_starts
from autoscaling.simulation.model import EndpointModel, Floats
from autoscaling.simulation.outcome import EndpointSeries

__all__ = ["Served", "serve"]

Slot = tuple[float, int, int]
"""One place of an instance: when it is free, which instance, and the invocation it works on until then."""


@dataclass(frozen=True)
class Served:
    """How the invocations of one endpoint passed it, in the order they came, and the endpoint over time."""

    passage: Passage
    series: EndpointSeries


def serve(
    model: EndpointModel,
    arrivals: Floats,
    service: Floats,
    *,
    fleet: Fleet,
    duration_seconds: float,
    documents: Floats | None = None,
    readings: Floats | None = None,
) -> Served:
    """One endpoint: first come, first served, on as many slots as its instances have.

    Args:
        model: the endpoint.
        arrivals: (n,) seconds, ascending; those at infinity never come.
        service: (n,) seconds of work.
        fleet: its instances.
        duration_seconds: how long the series are at least.
        documents: (k,) seconds, ascending, at which documents come to the flow; they may wake it.
        readings: (r,) seconds, ascending, at which the first gauges were read; others are when they are due.
    """
    run = _Run(model, fleet, arrivals, service, np.empty(0) if documents is None else documents)
    moments = [] if readings is None else readings.tolist()
    reading, between = 1, fleet.period_seconds / fleet.readings_in_period
    give_up = max(duration_seconds, run.last_arrival) + PATIENCE_SECONDS
    now = 0.0
    while now < give_up and not (run.done(now) and now >= duration_seconds):
        due = reading * between
        moment = moments[reading - 1] if reading <= len(moments) else due
        now = min(moment, fleet.next_event)
        run.serve_until(now)
        if now == moment:
            run.read(now, due)
            reading += 1
        else:
            change = fleet.handle()
            run.apply(now, change.instances, failed=change.failed)
    return run.served(now)


class _Run:
    """The state of one endpoint while its simulation goes on."""

    def __init__(
        self, model: EndpointModel, fleet: Fleet, arrivals: Floats, service: Floats, documents: Floats
    ) -> None:
        self._fleet, self._concurrency = fleet, model.concurrency
        self._n = int(np.isfinite(arrivals).sum())
        self.last_arrival = float(arrivals[self._n - 1]) if self._n else 0.0
        self._arrivals, self._service = arrivals.tolist(), service.tolist()
        self._documents, self._seen_documents = documents.tolist(), 0
        self._start, self._finish = [math.inf] * len(arrivals), [math.inf] * len(arrivals)
        self._next = 0
        self._again: deque[int] = deque()
        self._names = 0
        self._slots: list[Slot] = []
        self._leaving: list[float] = []
        self._sampled_arrivals = 0
        self._readings: list[float | None] = []
        self._lost_seconds = 0.0
        self._drained_seconds = 0.0
        self._series: list[tuple[float, float, float, float]] = []
        self._add(0.0, fleet.in_service)

    def done(self, now: float) -> bool:
        """Whether all that came is finished."""
        return (
            self._next == self._n
            and not self._again
            and all(free <= now for free, _, _ in self._slots)
            and all(free <= now for free in self._leaving)
        )

    def serve_until(self, until: float) -> None:
        """Start everything that can start before a time, in the order it came."""
        slots, service, start, finish = self._slots, self._service, self._start, self._finish
        while self._again and slots and slots[0][0] < until:
            free, instance, _ = slots[0]
            index = self._again.popleft()
            start[index], finish[index] = free, free + service[index]
            heapq.heapreplace(slots, (finish[index], instance, index))
        if self._again or not slots:
            return
        index, n, arrivals, replace = self._next, self._n, self._arrivals, heapq.heapreplace
        while index < n:
            free, instance, _ = slots[0]
            came = arrivals[index]
            begin = came if came > free else free
            if begin >= until:
                break
            start[index] = begin
            finish[index] = end = begin + service[index]
            replace(slots, (end, instance, index))
            index += 1
        self._next = index

    def read(self, now: float, due: float) -> None:
        """Read the gauges, maybe later than is due; where a period ends the fleet is told."""
        arrived = bisect_left(self._arrivals, now, self._next, self._n)
        waiting = arrived - self._next + len(self._again)
        self._leaving = [free for free in self._leaving if free > now]
        backlog = waiting + sum([free > now for free, _, _ in self._slots]) + len(self._leaving)
        self._readings.append(backlog / self._fleet.in_service if self._fleet.in_service else None)
        if len(self._readings) == self._fleet.readings_in_period:
            there = [each for each in self._readings if each is not None]
            seen = bisect_left(self._documents, now, self._seen_documents)
            self._fleet.sample(
                due,
                sum(there) / len(there) if there else None,
                waiting,
                arrived=arrived - self._sampled_arrivals,
                documents=seen - self._seen_documents,
            )
            self._seen_documents = seen
            self._series.append((due, backlog, self._fleet.in_service, self._fleet.desired))
            self._sampled_arrivals = arrived
            self._readings.clear()

    def apply(self, now: float, instances: int, *, failed: bool) -> None:
        """Instances came into service or left it."""
        if failed:
            self._fail(now)
        elif instances > 0:
            self._add(now, instances)
        elif instances < 0:
            self._drain(now, -instances)

    def served(self, now: float) -> Served:
        """The end of the simulation."""
        self._fleet.close(now)
        start, finish = np.array(self._start), np.array(self._finish)
        arrival, service = np.array(self._arrivals), np.array(self._service)
        done = np.isfinite(finish)
        cold_start = cold_starts(self._fleet.changes, arrival, start)
        times, backlog, instances, desired = np.array(self._series).reshape(-1, 4).T
        series = EndpointSeries(
            times,
            backlog,
            instances,
            desired,
            paid_seconds=self._fleet.paid_seconds + self._drained_seconds,
            busy_seconds=(float(service[done].sum()) + self._lost_seconds) / self._concurrency,
        )
        return Served(Passage(arrival, finish, cold_start, service), series)

    def _add(self, now: float, instances: int) -> None:
        for _ in range(instances):
            self._names += 1
            for _ in range(self._concurrency):
                heapq.heappush(self._slots, (now, self._names, -1))

    def _drain(self, now: float, instances: int) -> None:
        """Those that are done first go; they finish what they work on, and are paid until then."""
        last: dict[int, float] = {}
        for free, instance, _ in self._slots:
            last[instance] = max(last.get(instance, now), free)
        going = set(sorted(last, key=lambda name: (last[name], -name))[:instances])
        self._leaving += [free for free, instance, _ in self._slots if instance in going and free > now]
        self._drained_seconds += sum(last[name] - now for name in going)
        self._keep([slot for slot in self._slots if slot[1] not in going])

    def _fail(self, now: float) -> None:
        """One at random is gone; what it worked on goes back to the head of the queue."""
        gone = self._fleet.choose(sorted({instance for _, instance, _ in self._slots}))
        lost = sorted(index for free, name, index in self._slots if name == gone and free > now)
        for index in lost:
            self._lost_seconds += now - self._start[index]
            self._start[index] = self._finish[index] = math.inf
        self._again.extendleft(reversed(lost))
        self._keep([slot for slot in self._slots if slot[1] != gone])
        # A free slot may have been free since before the failure: it takes the lost work now, not then.
        self._keep([(max(free, now), name, index) for free, name, index in self._slots])

    def _keep(self, slots: list[Slot]) -> None:
        heapq.heapify(slots)
        self._slots = slots
