"""The numbers of the dashboards, read from CloudWatch: the very charts that the CDK app makes.

`infra.dashboards` says which charts there are; both make them of that one list.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from hybrid_ocr.clients import Connection
from hybrid_ocr.clients.deployed import deployed_endpoints
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.board import Board, Line
from infra.dashboards import operations
from infra.metrics import Metric, Statistic
from topology import Topology, load_topology

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

__all__ = ["POINTS", "Dashboards", "Readings", "Series", "lines_of"]

POINTS: Final = 60
"""Periods that a time is cut into; CloudWatch keeps one-minute points for 15 days."""
_MINUTE: Final = 60
_MOST_QUERIES: Final = 500
"""Of one GetMetricData."""
_Key = tuple[str, str, Statistic, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Series:
    """The values of a metric: one for each period, oldest first; None where nothing was reported."""

    statistic: Statistic
    values: tuple[float | None, ...]

    @property
    def last(self) -> float | None:
        """The newest value, if it is of the last three periods: the newest of them has only begun."""
        return next((value for value in reversed(self.values[-3:]) if value is not None), None)

    @property
    def whole(self) -> float | None:
        """Over the whole time: the sum of what is counted, of anything else the worst value."""
        reported = [value for value in self.values if value is not None]
        if not reported:
            return None
        match self.statistic:
            case "Sum":
                return math.fsum(reported)
            case "Average":
                return math.fsum(reported) / len(reported)
            case "Minimum":
                return min(reported)
            case _:
                return max(reported)


@dataclass(frozen=True)
class Readings:
    """The series of the lines that CloudWatch was asked for."""

    series: Mapping[_Key, Series]

    def of(self, line: Line) -> Series:
        """The series of a line."""
        return self.series[_key(line.metric)]


@dataclass(frozen=True)
class _Observed:
    """See infra.dashboards.Observed."""

    names: Names
    topology: Topology
    endpoints: Sequence[tuple[EndpointStage, EndpointMode]]

    def has_gpu(self, stage: EndpointStage) -> bool:
        """A chart without values costs nothing here, unlike asking what each endpoint runs on."""
        return stage in ENDPOINTS


class Dashboards:
    """The dashboards of a deployment.

    Args:
        connection: to it.
        minutes: how far they look back.

    Raises:
        OcrError: the endpoints cannot be asked for.
    """

    def __init__(self, connection: Connection, minutes: int) -> None:
        self._connection = connection
        self._period = _MINUTE * max(1, math.ceil(minutes / POINTS))
        self._cloudwatch: CloudWatchClient = connection.client("cloudwatch")
        endpoints = deployed_endpoints(connection)
        self.boards = operations(_Observed(connection.names, load_topology(), endpoints))

    def named(self, names: Sequence[str]) -> list[Board]:
        """Some boards, or all where none is named. Raises RequestError."""
        known = {board.name: board for board in self.boards}
        for name in names:
            if name not in known:
                raise RequestError(f"there is no board {name!r}: there are {', '.join(known)}")
        return [known[name] for name in names] or self.boards

    def read(self, boards: Sequence[Board]) -> Readings:
        """The series of every line of these boards. Raises OcrError."""
        metrics = {_key(line.metric): line.metric for board in boards for line in lines_of(board)}
        end = _next_minute(datetime.now(UTC))
        start = end - timedelta(seconds=POINTS * self._period)
        queries = [self._query(number, metric) for number, metric in enumerate(metrics.values())]
        found: defaultdict[str, dict[int, float]] = defaultdict(dict)
        with self._connection.translated():
            pages = self._cloudwatch.get_paginator("get_metric_data")
            for first in range(0, len(queries), _MOST_QUERIES):
                some = queries[first : first + _MOST_QUERIES]
                for page in pages.paginate(MetricDataQueries=some, StartTime=start, EndTime=end):
                    for result in page["MetricDataResults"]:
                        for when, value in zip(result["Timestamps"], result["Values"], strict=True):
                            found[result["Id"]][int((when - start).total_seconds()) // self._period] = value
        return Readings(
            {
                key: self._series(metric.statistic, found[f"q{number}"])
                for number, (key, metric) in enumerate(metrics.items())
            }
        )

    def _query(self, number: int, metric: Metric) -> Any:  # noqa: ANN401 - a TypedDict of the stubs
        dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions.items()]
        metric_id = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
        return {
            "Id": f"q{number}",
            "MetricStat": {"Metric": metric_id, "Period": self._period, "Stat": metric.statistic},
        }

    def _series(self, statistic: Statistic, values: Mapping[int, float]) -> Series:
        # Who counts reports counts those of a minute, however long a period is.
        scale = _MINUTE / self._period if statistic == "SampleCount" else 1.0
        scaled = {number: scale * value for number, value in values.items()}
        return Series(statistic, tuple(scaled.get(number) for number in range(POINTS)))


def lines_of(board: Board) -> Iterator[Line]:
    """The lines of a board; what is worked out from others is none."""
    for row in board.rows:
        for chart in row.charts:
            yield from (line for line in chart.lines if isinstance(line, Line))


def _key(metric: Metric) -> _Key:
    return metric.namespace, metric.name, metric.statistic, tuple(sorted(metric.dimensions.items()))


def _next_minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0) + timedelta(seconds=_MINUTE)
