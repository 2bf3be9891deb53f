"""Scaling alive: policies over endpoints that really run, such as those of a local cloud.

The maths are those of the simulators. All times in here are the policies' own, in seconds since the start; a
`speed` of 60 lets a minute of them pass in a second of the clock.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Protocol, Self

from autoscaling.policies import Policy
from autoscaling.scaling.scaler import COMING, WAITING, Scaler
from hybrid_ocr.telemetry import fields

READINGS_IN_PERIOD: Final = 6
"""How often a gauge is read in a period, as the simulators do it: AWS does not say."""
NAMESPACE: Final = "AWS/SageMaker"
"""Of the metrics that policies follow."""
_LONGEST_HISTORY: Final = 10_000
_MOST_READINGS: Final = 3_000
"""Told with every answer: eight hours of a policy's time, and less than 100 kB."""

MetricData = Sequence[Mapping[str, Any]]
"""Metrics as PutMetricData takes them."""
Publish = Callable[[str, MetricData], None]
"""Takes a namespace and its new metrics."""

log = logging.getLogger(__name__)


class Instances(Protocol):
    """The endpoints that are scaled, such as those of a SageMakerRuntime."""

    def gauges(self) -> MetricData:
        """Metrics of this moment, by EndpointName."""

    def instance_counts(self, name: str) -> Sequence[tuple[float, int]]:
        """Since when, on the monotonic clock, how many instances of an endpoint have taken work."""

    def set_instance_count(self, name: str, instances: int) -> None:
        """Grow or shrink it; returns at once."""

    def scale(self, name: str, instances: int, cause: str) -> None:
        """The same, and it is reported as a scaling activity."""


@dataclass
class _Endpoint:
    """One endpoint, its scaler, and what both did."""

    name: str
    policy: Policy
    scaler: Scaler
    working: int = 0
    counted: float = -math.inf
    readings: list[float] = field(default_factory=list)
    changes: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_LONGEST_HISTORY))
    decisions: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_LONGEST_HISTORY))

    def report(self) -> dict[str, Any]:
        """Everything about it, as JSON takes it."""
        return {
            "instances": self.working,
            "desired": self.scaler.desired,
            "min_instances": self.scaler.min_instances,
            "max_instances": self.scaler.max_instances,
            "changes": list(self.changes),
            "decisions": list(self.decisions),
            "policy": self.policy.model_dump(mode="json"),
        }


class Autoscaler:
    """Reads the gauges, lets the scalers decide at the end of each period and follows them.

    A context manager; when it is entered every endpoint gets the instances its policy begins with.

    Args:
        endpoints: what is scaled.
        policies: of the endpoints, by name; all follow metrics of one minute.
        speed: how many times as fast as the clock the policies' time passes.
        publish: takes each reading of a gauge that a policy follows, as CloudWatch would.
        started: how many executions of the flow there have been: each is work that comes to every endpoint.
    """

    def __init__(
        self,
        endpoints: Instances,
        policies: Mapping[str, Policy],
        *,
        speed: float,
        publish: Publish,
        started: Callable[[], int] = lambda: 0,
    ) -> None:
        self._endpoints, self._publish, self.speed = endpoints, publish, speed
        self._count_started, self._started_before = started, started()
        start = datetime.now(UTC)
        self._scaled = {
            name: _Endpoint(name, policy, Scaler.of(policy, start=start, schedules_in_force=True))
            for name, policy in policies.items()
        }
        self._period_seconds = max(each.scaler.rules.period_seconds for each in self._scaled.values())
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="autoscaling", daemon=True)
        self._began = time.monotonic()
        self._moments: deque[tuple[float, float]] = deque(maxlen=_MOST_READINGS)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for each in self._scaled.values():
            self._endpoints.set_instance_count(each.name, each.scaler.desired)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def now(self) -> float:
        """The policies' time."""
        return (time.monotonic() - self._began) * self.speed

    def report(self) -> dict[str, Any]:
        """Instances, what is desired, and what was decided and why: the answer of /_local/scaling.

        With the readings of the gauges: when each was due, and when a busy machine came to it.
        """
        with self._lock:
            endpoints = {name: each.report() for name, each in self._scaled.items()}
            readings = list(self._moments)
        return {
            "speed": self.speed,
            "at": time.time(),
            "now": self.now,
            "period_seconds": self._period_seconds,
            "readings": readings,
            "endpoints": endpoints,
        }

    def _keep(self) -> None:
        between = self._period_seconds / READINGS_IN_PERIOD
        for reading in count(1):
            now = reading * between
            if self._stopped.wait(max(0.0, self._began + now / self.speed - time.monotonic())):
                return
            try:
                self._read(now, ends_period=reading % READINGS_IN_PERIOD == 0)
            except Exception:  # scaling goes on with the next reading
                log.exception("a reading of the gauges was lost")

    def _read(self, now: float, *, ends_period: bool) -> None:
        moment, gauges = self.now, self._endpoints.gauges()
        values = {(_endpoint_of(gauge), gauge["MetricName"]): float(gauge["Value"]) for gauge in gauges}
        started = self._started_in_period() if ends_period else 0
        with self._lock:
            self._moments.append((now, moment))
            for each in self._scaled.values():
                self._count(each, now)
                if (value := values.get((each.name, each.policy.tracking.metric))) is not None:
                    each.readings.append(value)
                if each.scaler.next_schedule <= now:
                    self._follow(each, now, before=each.scaler.desired, after=each.scaler.run_schedules(now))
                if ends_period:
                    waiting = values.get((each.name, WAITING), 0.0)
                    self._decide(each, now, waiting=waiting, started=started)
        tracked = {(each.name, each.policy.tracking.metric) for each in self._scaled.values()}
        followed = [gauge for gauge in gauges if (_endpoint_of(gauge), gauge["MetricName"]) in tracked]
        if followed:
            self._publish(NAMESPACE, followed)

    def _started_in_period(self) -> int:
        total = self._count_started()
        started, self._started_before = total - self._started_before, total
        return started

    def _count(self, each: _Endpoint, now: float) -> None:
        """What has become of the instances since the last reading, each change at its own time."""
        for since, working in self._endpoints.instance_counts(each.name):
            if since <= each.counted:
                continue
            when = min(max((since - self._began) * self.speed, 0.0), now)
            each.counted, each.working = since, working
            each.changes.append((when, working))
            each.scaler.in_service(when, working)

    def _decide(self, each: _Endpoint, now: float, *, waiting: float, started: int) -> None:
        """A period has ended; the data point of a gauge is the average of its readings."""
        metrics = {WAITING: waiting, COMING: float(started > 0 and not each.working)}
        if each.readings:
            metrics[each.policy.tracking.metric] = sum(each.readings) / len(each.readings)
        each.readings.clear()
        before = each.scaler.desired
        self._follow(each, now, before=before, after=each.scaler.period(now, metrics), metrics=metrics)

    def _follow(
        self,
        each: _Endpoint,
        now: float,
        *,
        before: int,
        after: int,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if before == after:
            return
        why = "a scheduled action" if metrics is None else _described(metrics)
        each.decisions.append({"at": now, "from": before, "to": after, "why": why})
        log.info("an endpoint scales: %s", why, extra=fields(endpoint=each.name, instances=after))
        self._endpoints.scale(each.name, after, why)
        self._count(each, now)  # those that leave have left by then: in the policies' time that takes none


def _endpoint_of(gauge: Mapping[str, Any]) -> str:
    return str(gauge["Dimensions"][0]["Value"])


def _described(metrics: Mapping[str, float]) -> str:
    shown = {name: value for name, value in metrics.items() if value or name not in {WAITING, COMING}}
    return ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
