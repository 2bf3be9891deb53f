"""What SageMaker publishes to CloudWatch of an endpoint, collected over a period."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final, Literal

NAMESPACE: Final = "AWS/SageMaker"
Unit = Literal["Count", "Microseconds", "Milliseconds", "Seconds", "None"]
Publish = Callable[[str, Sequence[Mapping[str, Any]]], None]
MetricData = list[Mapping[str, Any]]

_MOST_VALUES: Final = 150
"""Different values that one entry of PutMetricData may have."""
_TICKS: Final = 6
"""Ticks in a period: ConcurrentRequestsPerModel comes every 10 s, all else once a minute."""

log = logging.getLogger(__name__)


class VariantMetrics:
    """The metrics of one production variant, by EndpointName and VariantName; safe between threads."""

    def __init__(self, endpoint: str, variant: str) -> None:
        self._dimensions = [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
        ]
        self._lock = threading.Lock()
        self._samples: defaultdict[tuple[str, Unit], Counter[float]] = defaultdict(Counter)

    def add(self, name: str, value: float = 1, unit: Unit = "None") -> None:
        """Count or measure something."""
        with self._lock:
            self._samples[name, unit][value] += 1

    def add_duration(self, name: str, seconds: float, unit: Literal["Microseconds", "Milliseconds"]) -> None:
        """Measure a duration, given in seconds, in the unit that AWS has for it."""
        self.add(name, round(seconds * (1_000_000 if unit == "Microseconds" else 1_000)), unit)

    def gauge(self, name: str, value: float) -> Mapping[str, Any]:
        """The value of something at this moment, as PutMetricData takes it."""
        return {"MetricName": name, "Dimensions": self._dimensions, "Unit": "Count", "Value": float(value)}

    def take(self) -> MetricData:
        """What came since the last call, as PutMetricData takes it."""
        with self._lock:
            samples, self._samples = self._samples, defaultdict(Counter)
        data: MetricData = []
        for (name, unit), values in samples.items():
            pairs = list(values.items())
            for start in range(0, len(pairs), _MOST_VALUES):
                chosen = pairs[start : start + _MOST_VALUES]
                data.append(
                    {
                        "MetricName": name,
                        "Dimensions": self._dimensions,
                        "Unit": unit,
                        "Values": [float(value) for value, _ in chosen],
                        "Counts": [float(times) for _, times in chosen],
                    }
                )
        return data


def endpoint_gauge(endpoint: str, name: str, value: float, unit: Unit = "Count") -> Mapping[str, Any]:
    """The value of something at this moment, by EndpointName alone: these steer scaling from and to zero."""
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Unit": unit,
        "Value": float(value),
    }


class MetricsPublisher:
    """Publishes metrics once a period, in a thread of its own; they are of the time at which that happens.

    Args:
        publish: takes a namespace and metric data; what it raises is logged.
        period_seconds: AWS has a minute.
    """

    def __init__(self, publish: Publish, period_seconds: float) -> None:
        self._publish, self._period_seconds = publish, period_seconds
        self._stopped = threading.Event()

    def start(self, *, each_period: Callable[[], MetricData], each_tick: Callable[[], MetricData]) -> None:
        """Publish what these return; a tick is a sixth of a period."""
        told = (each_period, each_tick)
        threading.Thread(target=self._keep, args=told, name="sagemaker-metrics", daemon=True).start()

    def stop(self) -> None:
        """Publish no more."""
        self._stopped.set()

    def publish(self, data: MetricData) -> None:
        """Publish these."""
        try:
            if data:
                self._publish(NAMESPACE, data)
        except Exception:
            log.exception("metrics could not be published")

    def _keep(self, each_period: Callable[[], MetricData], each_tick: Callable[[], MetricData]) -> None:
        for tick in count(1):
            if self._stopped.wait(self._period_seconds / _TICKS):
                return
            self.publish(each_tick())
            if tick % _TICKS == 0:
                self.publish(each_period())
