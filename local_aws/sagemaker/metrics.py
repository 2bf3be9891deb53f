"""What SageMaker publishes to CloudWatch of an endpoint, collected over a period."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

NAMESPACE: Final = "AWS/SageMaker"
Unit = Literal["Count", "Microseconds", "Milliseconds", "Seconds", "None"]
Publish = Callable[[str, Sequence[Mapping[str, Any]]], None]
MetricData = list[Mapping[str, Any]]


class VariantMetrics:
    """The metrics of one production variant, by EndpointName and VariantName; safe between threads."""

    def __init__(self, endpoint: str, variant: str) -> None:
        self._names = {"EndpointName": endpoint, "VariantName": variant}
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
        return _datum(name, "Count", self._names, Value=float(value))

    def take(self) -> MetricData:
        """What came since the last call, as PutMetricData takes it."""
        with self._lock:
            samples, self._samples = self._samples, defaultdict(Counter)
        return [
            _datum(name, unit, self._names, Values=list(counts), Counts=list(counts.values()))
            for (name, unit), counts in samples.items()
        ]


def endpoint_gauge(endpoint: str, name: str, value: float, unit: Unit = "Count") -> Mapping[str, Any]:
    """The value of something at this moment, by EndpointName alone: these steer scaling from and to zero."""
    return _datum(name, unit, {"EndpointName": endpoint}, Value=float(value))


def _datum(name: str, unit: Unit, names: Mapping[str, str], **values: Any) -> Mapping[str, Any]:
    dimensions = [{"Name": kind, "Value": value} for kind, value in names.items()]
    return {"MetricName": name, "Dimensions": dimensions, "Unit": unit, **values}
