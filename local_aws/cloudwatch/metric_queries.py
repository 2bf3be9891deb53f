"""GetMetricData as CloudWatch answers it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.cloudwatch.models import CloudWatchBackend, MetricDatum
from moto.core.exceptions import JsonRESTError

from local_aws.seams import Seams

SEAMS: Final = Seams()

Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name and dimensions of a metric."""

_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Sum": math.fsum,
    "Average": lambda values: math.fsum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(\.\d+)?|100)")


@SEAMS.replaces("moto.cloudwatch.models:CloudWatchBackend.get_metric_data")
def _get_metric_data(
    _state: object,
    original: Callable[..., list[dict[str, Any]]],
    backend: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[dict[str, Any]]:
    if any("MetricStat" not in query for query in queries) or start_time >= end_time:
        return original(backend, queries, start_time, end_time, scan_by)
    first, last = _utc(start_time), _utc(end_time)
    values = _between(backend, first, last)
    return [
        _answer(query, values, first, newest_first=scan_by == "TimestampDescending")
        for query in queries
        if query.get("ReturnData", True)
    ]


def _between(
    backend: CloudWatchBackend, first: datetime, last: datetime
) -> Mapping[Key, list[tuple[datetime, float]]]:
    """Every value of a time by its metric."""
    found: defaultdict[Key, list[tuple[datetime, float]]] = defaultdict(list)
    for datum in list(backend.metric_data):
        when = _utc(datum.timestamp)
        if first <= when < last and isinstance(datum, MetricDatum):
            dimensions = tuple(sorted((one.name, one.value) for one in datum.dimensions))
            found[datum.namespace, datum.name, dimensions].append((when, float(datum.value)))
    return found


def _answer(
    query: Mapping[str, Any],
    values: Mapping[Key, list[tuple[datetime, float]]],
    first: datetime,
    *,
    newest_first: bool,
) -> dict[str, Any]:
    told = query["MetricStat"]
    metric, statistic, period = told["Metric"], told["Stat"], int(told["Period"])
    dimensions = tuple(sorted((one["Name"], one["Value"]) for one in metric.get("Dimensions", [])))
    periods: defaultdict[int, list[float]] = defaultdict(list)
    for when, value in values.get((metric["Namespace"], metric["MetricName"], dimensions), ()):
        periods[int((when - first).total_seconds()) // period].append(value)
    numbers = sorted(periods, reverse=newest_first)
    return {
        "id": query["Id"],
        "label": query.get("Label") or f"{metric['MetricName']} {statistic}",
        "timestamps": [first + timedelta(seconds=number * period) for number in numbers],
        "values": [_summed_up(statistic, periods[number]) for number in numbers],
        "status_code": "Complete",
    }


def _summed_up(statistic: str, values: Sequence[float]) -> float:
    """One number for a period; a percentile is the smallest value that so many percent do not exceed."""
    if statistic in _STATISTICS:
        return float(_STATISTICS[statistic](values))
    percentile = _PERCENTILE.fullmatch(statistic)
    if percentile is None:
        raise JsonRESTError("ValidationError", f"The local cloud knows no statistic {statistic[:20]}")
    rank = math.ceil(float(percentile[1]) / 100 * len(values))
    return sorted(values)[max(0, rank - 1)]


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
