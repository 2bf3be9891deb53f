"""What was put of each metric, and how a period of it is summed up.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, NamedTuple

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import MetricAggregatedDatum, cloudwatch_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.seams import Seams

SEAMS: Final = Seams()
"""Of moto's CloudWatch; their state are the Metrics."""

Key = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name and dimensions of a metric."""


def publish(namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
    """Put metrics, each shaped as a member of PutMetricData's MetricData.

    Raises:
        ServiceException: of moto, where a value is none that CloudWatch takes.
    """
    cloudwatch_backends[ACCOUNT][REGION].put_metric_data(namespace, data)


class Point(NamedTuple):
    """One value of a metric, or several that were put as statistics. `when` is in seconds since 1970."""

    when: float
    unit: str
    samples: float
    total: float
    low: float
    high: float


class Metrics:
    """All that was put, by metric. moto has it in one list, which only grows."""

    def __init__(self) -> None:
        self._points: defaultdict[Key, list[Point]] = defaultdict(list)
        self._read = 0
        self._lock = Lock()

    def points(self, key: Key, start: float, end: float, unit: str | None = None) -> list[Point]:
        """Those of a metric from `start` to before `end`; of one unit, or of any."""
        data = cloudwatch_backends[ACCOUNT][REGION].metric_data
        with self._lock:
            if self._read > len(data):  # moto was reset
                self._points.clear()
                self._read = 0
            new = data[self._read :]
            self._read += len(new)
            for datum in new:
                self._points[key_of(datum)].append(_point(datum))
            known = list(self._points.get(key, ()))
        return [p for p in known if start <= p.when < end and unit in {None, p.unit} and p.samples]


def key_of(datum: Any) -> Key:
    """Which metric a value of moto's belongs to."""
    return datum.namespace, datum.name, frozenset((one.name, one.value) for one in datum.dimensions)


def metric_key(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> Key:
    """A metric, with its dimensions as requests have them."""
    return namespace, name, frozenset((one["Name"], one["Value"]) for one in dimensions)


def by_period(points: Iterable[Point], start: float, period: int) -> Mapping[int, list[Point]]:
    """Points by the start of their period, ordered by time; the first period begins at `start`."""
    periods: defaultdict[int, list[Point]] = defaultdict(list)
    for point in points:
        periods[int(start + (point.when - start) // period * period)].append(point)
    return dict(sorted(periods.items()))


def statistic(name: str) -> Callable[[Sequence[Point]], float | None]:
    """What sums up the points of a period; it has no answer for percentiles of what was put as statistics.

    Raises:
        ValidationError: of moto; there is no such statistic, or it is not served.
    """
    if name in _STATISTICS:
        return _STATISTICS[name]
    match = re.fullmatch(r"(p|tm)(\d{1,2}(?:\.\d+)?|100)", name)
    if match is None:
        raise ValidationError(f"The local AWS does not serve the statistic {name[:40]}")
    percent, trimmed_mean = float(match[2]), match[1] == "tm"

    def lowest(points: Sequence[Point]) -> float | None:
        """The greatest, or the mean, of the so many percent of values that are the smallest."""
        if any(point.low != point.high for point in points):
            return None
        rank, seen, total = max(1, math.ceil(percent / 100 * _count(points))), 0.0, 0.0
        for point in sorted(points, key=lambda point: point.low):
            taken = min(point.samples, rank - seen)
            seen, total = seen + taken, total + taken * point.low
            if seen >= rank:
                return total / seen if trimmed_mean else point.low
        return None

    return lowest


def seconds(when: datetime) -> float:
    """Since 1970; a time that has no zone is UTC."""
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def _point(datum: Any) -> Point:
    when, unit = seconds(datum.timestamp), datum.unit or "None"
    if isinstance(datum, MetricAggregatedDatum):
        return Point(when, unit, datum.sample_count, datum.sum, datum.min, datum.max)
    return Point(when, unit, 1, datum.value, datum.value, datum.value)


def _count(points: Iterable[Point]) -> float:
    return math.fsum(point.samples for point in points)


def _sum(points: Iterable[Point]) -> float:
    return math.fsum(point.total for point in points)


_STATISTICS: Final[Mapping[str, Callable[[Sequence[Point]], float]]] = {
    "Sum": _sum,
    "SampleCount": _count,
    "Average": lambda points: _sum(points) / _count(points),
    "Minimum": lambda points: min(point.low for point in points),
    "Maximum": lambda points: max(point.high for point in points),
}
