"""The instances of one simulated endpoint: asked for by its scaler, coming, working, failing, going."""

from __future__ import annotations

import heapq
import math
from collections import deque
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from autoscaling.scaling.scaler import COMING, WAITING, Scaler
from autoscaling.simulation.model import EndpointModel, Floats

__all__ = ["PATIENCE_SECONDS", "Change", "Fleet", "cold_starts"]

PATIENCE_SECONDS: Final = 86_400.0
"""After the trace: what is not done a day later is never done."""


class Change(NamedTuple):
    """What an event did to the instances in service."""

    instances: int
    failed: bool = False


class Fleet:
    """Both simulators drive it: `sample` at the end of each period, `handle` at each `next_event`.

    `changes` has (time, instances in service from then on), and `paid_seconds` the instance seconds up to the
    last change: from the moment an instance is there, still loading its model, until it leaves service.
    """

    def __init__(self, model: EndpointModel, start: datetime, random: np.random.Generator) -> None:
        self._model, self._random = model, random
        self.scaler = Scaler.of(model.policy, start=start, schedules_in_force=True)
        self.period_seconds = float(self.scaler.rules.period_seconds)
        self.readings_in_period = max(1, round(self.period_seconds / model.gauge_seconds))
        self.in_service = self.scaler.desired
        self.paid_seconds = 0.0
        self.changes = [(0.0, self.in_service)]
        self._coming: list[float] = []
        self._starts = iter(model.starts)
        self._decisions: deque[tuple[float, dict[str, float]]] = deque()
        self._decision_seconds = model.delays.decision_seconds
        self._paid_until = 0.0
        self._failure_rate = model.failures.per_instance_hour / 3600
        self._next_failure = self._draw_failure(0.0)
        self._metric = model.policy.tracking.metric
        self.next_event = math.inf
        """When something happens next to the instances, seconds; infinity when nothing will."""
        self._look_ahead()

    @property
    def desired(self) -> int:
        """Instances asked for."""
        return self.scaler.desired

    def sample(
        self, now: float, backlog: float | None, waiting: float, *, arrived: float, documents: float
    ) -> None:
        """A period has ended; its data points are acted upon when they can be read.

        Args:
            now: its end.
            backlog: invocations that wait or are worked on by each instance, the average over its readings;
                None without any instance: nothing is published of such an endpoint.
            waiting: those that wait at its end.
            arrived: invocations that came in it.
            documents: documents that came to the flow in it.
        """
        metrics: dict[str, float] = {}
        if self._metric != "InvocationsPerInstance":
            metrics |= {} if backlog is None else {self._metric: backlog}
        elif self.in_service:
            metrics[self._metric] = arrived / self.in_service
        if self._model.policy.wake is not None:
            metrics[WAITING] = float(waiting > 0 and not self.in_service)
            metrics[COMING] = float(documents > 0 and not self.in_service)
        self._decisions.append((now + self._decision_seconds, metrics))
        self._look_ahead()

    def handle(self) -> Change:
        """The earliest event happens."""
        change = self._happen(self.next_event)
        self._look_ahead()
        return change

    def choose(self, instances: list[int]) -> int:
        """The instance that fails."""
        return int(self._random.choice(instances))

    def close(self, now: float) -> None:
        """The simulation ends: pay what has not been paid."""
        self._pay(now)

    def _happen(self, now: float) -> Change:
        if self._coming and self._coming[0] <= now:
            heapq.heappop(self._coming)
            loading = self._model.delays.download_seconds + self._model.delays.warm_up_seconds
            self.paid_seconds += loading
            return self._change(now, 1)
        if self._next_failure <= now:
            self._ask_for(now, 1)
            return self._change(now, -1, failed=True)
        if self.scaler.next_schedule <= now:
            self.scaler.run_schedules(now)
        else:
            self.scaler.period(now, self._decisions.popleft()[1])
        return self._follow(now)

    def _look_ahead(self) -> None:
        event = min(self.scaler.next_schedule, self._next_failure)
        if self._decisions and self._decisions[0][0] < event:
            event = self._decisions[0][0]
        self.next_event = min(event, self._coming[0]) if self._coming else event

    def _follow(self, now: float) -> Change:
        """Bring what is there and what is coming to what is desired."""
        excess = self.in_service + len(self._coming) - self.scaler.desired
        if excess < 0:
            self._ask_for(now, -excess)
        if excess <= 0:
            return Change(0)
        cancelled = min(excess, len(self._coming))
        if cancelled:
            self._coming = sorted(self._coming)[: len(self._coming) - cancelled]
        return self._change(now, cancelled - excess)

    def _ask_for(self, now: float, instances: int) -> None:
        failures = self._model.failures
        for _ in range(instances):
            ready = now + next(self._starts, self._model.delays.cold_start_seconds)
            if failures.no_capacity_probability:
                refused = self._random.geometric(1 - failures.no_capacity_probability) - 1
                ready += float(refused) * failures.no_capacity_retry_seconds
            heapq.heappush(self._coming, ready)

    def _change(self, now: float, instances: int, *, failed: bool = False) -> Change:
        self._pay(now)
        self.in_service += instances
        self.changes.append((now, self.in_service))
        self._next_failure = self._draw_failure(now)
        self.scaler.in_service(now, self.in_service)
        return Change(instances, failed)

    def _pay(self, now: float) -> None:
        instances = self.changes[-1][1]
        self.paid_seconds += instances * (now - self._paid_until)
        self._paid_until = now

    def _draw_failure(self, now: float) -> float:
        rate = self._failure_rate * self.in_service
        return now + float(self._random.exponential(1 / rate)) if rate else math.inf


def cold_starts(changes: list[tuple[float, int]], arrival: Floats, start: Floats) -> Floats:
    """(n,) seconds between arrival and start without any instance in service; infinity if never started."""
    edges = np.array([time for time, _ in changes])
    asleep = np.array([count == 0 for _, count in changes], dtype=np.float64)
    before = np.concatenate([[0.0], np.cumsum(np.diff(edges) * asleep[:-1])])

    def asleep_until(times: Floats) -> Floats:
        index = np.searchsorted(edges, times, side="right") - 1
        return np.asarray(before[index] + asleep[index] * (times - edges[index]))

    found, done = np.full(len(start), math.inf), np.isfinite(start)
    found[done] = asleep_until(start[done]) - asleep_until(arrival[done])
    return found
