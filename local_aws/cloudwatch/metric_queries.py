"""GetMetricData, GetMetricStatistics and ListMetrics as CloudWatch answers them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local_aws.cloudwatch.metric_math import Expression, Series
from local_aws.cloudwatch.metrics import (
    SEAMS,
    Metrics,
    Point,
    by_period,
    key_of,
    metric_key,
    seconds,
    statistic,
)


class Queries:
    """The queries of one request, by id.

    Args:
        metrics: all there are.
        queries: shaped as MetricDataQueries of GetMetricData.
        start: of the time asked about, in seconds since 1970.
        end: where it is over.
    """

    def __init__(
        self, metrics: Metrics, queries: Sequence[Mapping[str, Any]], start: float, end: float
    ) -> None:
        self._metrics, self._queries = metrics, {query["Id"]: query for query in queries}
        self.periods = {q["Id"]: int(q["MetricStat"]["Period"]) for q in queries if q.get("MetricStat")}
        finest = min([60, *self.periods.values()])
        self._start, self._end = int(start // finest * finest), int(end)
        self._found: dict[str, Series | None] = {}

    def series(self, query_id: str) -> Series:
        """The time series that a query stands for.

        Raises:
            ValidationError: of moto; there is none, or what it asks for is not served.
        """
        if query_id not in self._found:
            if query_id not in self._queries:
                raise ValidationError(f"There is no query with the id {query_id[:40]!r}")
            self._found[query_id] = None
            self._found[query_id] = self._evaluated(self._queries[query_id])
        if (series := self._found[query_id]) is None:
            raise ValidationError(f"The expression of {query_id[:40]!r} refers to itself")
        return series

    def _evaluated(self, query: Mapping[str, Any]) -> Series:
        if not (stat := query.get("MetricStat")):
            expression = Expression(query["Expression"], self.series, self.periods, self._start, self._end)
            return expression.evaluate()
        metric, summed_up = stat["Metric"], statistic(stat["Stat"])
        key = metric_key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or [])
        points = self._metrics.points(key, self._start, self._end, stat.get("Unit"))
        periods = by_period(points, self._start, int(stat["Period"]))
        values = {when: summed_up(each) for when, each in periods.items()}
        return {when: value for when, value in values.items() if value is not None}


@SEAMS.replaces("moto.cloudwatch.models:CloudWatchBackend.get_metric_data")
def _get_metric_data(
    metrics: Metrics,
    _original: object,
    _backend: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[dict[str, Any]]:
    start, end = seconds(start_time), seconds(end_time)
    if start >= end:
        raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
    asked = Queries(metrics, queries, start, end)
    return [
        _answer(query, asked.series(query["Id"]), newest_first=scan_by == "TimestampDescending")
        for query in queries
        if query.get("ReturnData", True)
    ]


def _answer(query: Mapping[str, Any], series: Series, *, newest_first: bool) -> dict[str, Any]:
    times = sorted(series, reverse=newest_first)
    stat = query.get("MetricStat")
    label = f"{stat['Metric']['MetricName']} {stat['Stat']}" if stat else query["Id"]
    return {
        "id": query["Id"],
        "label": query.get("Label") or label,
        "timestamps": [datetime.fromtimestamp(when, UTC) for when in times],
        "values": [series[when] for when in times],
        "status_code": "Complete",
    }


@SEAMS.replaces("moto.cloudwatch.responses:CloudWatchResponse.get_metric_statistics")
def _get_metric_statistics(metrics: Metrics, _original: object, call: CloudWatchResponse) -> ActionResult:
    simple, extended = call._get_param("Statistics") or [], call._get_param("ExtendedStatistics") or []
    if bool(simple) == bool(extended):
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    name, period = call._get_param("MetricName"), int(call._get_param("Period"))
    start, end = seconds(call._get_param("StartTime")), seconds(call._get_param("EndTime"))
    if start >= end:
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    start -= start % min(60, period)
    key = metric_key(call._get_param("Namespace"), name, call._get_param("Dimensions") or [])
    by_unit: defaultdict[str, list[Point]] = defaultdict(list)
    for point in metrics.points(key, start, end, call._get_param("Unit")):
        by_unit[point.unit].append(point)
    datapoints = []
    for unit, points in by_unit.items():
        for when, each in by_period(points, start, period).items():
            values = {stat: statistic(stat)(each) for stat in (*simple, *extended)}
            members = {"ExtendedStatistics": values} if extended else values
            datapoints.append({"Timestamp": datetime.fromtimestamp(when, UTC), "Unit": unit, **members})
    return ActionResult({"Label": name, "Datapoints": datapoints})


@SEAMS.replaces("moto.cloudwatch.models:CloudWatchBackend.get_filtered_metrics")
def _get_filtered_metrics(
    _metrics: Metrics,
    _original: object,
    backend: CloudWatchBackend,
    name: str | None,
    namespace: str | None,
    dimensions: list[dict[str, str]],
) -> list[MetricDatumBase]:
    found = (datum for datum in backend.get_all_metrics() if datum.filter(namespace, name, dimensions))
    return list({key_of(datum): datum for datum in found}.values())
