"""GetMetricData, GetMetricStatistics and ListMetrics as CloudWatch answers them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

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
    if any(not query.get("MetricStat") for query in queries):
        raise ValidationError("The local AWS does not serve metric expressions; ask for their metrics.")
    start -= start % min([60, *(int(query["MetricStat"]["Period"]) for query in queries)])
    newest_first = scan_by == "TimestampDescending"
    wanted = (query for query in queries if query.get("ReturnData", True))
    return [_answer(metrics, query, start, end, newest_first=newest_first) for query in wanted]


def _answer(
    metrics: Metrics, query: Mapping[str, Any], start: float, end: float, *, newest_first: bool
) -> dict[str, Any]:
    stat, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    summed_up = statistic(stat["Stat"])
    key = metric_key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or [])
    periods = by_period(metrics.points(key, start, end, stat.get("Unit")), start, int(stat["Period"]))
    values = {when: value for when, each in periods.items() if (value := summed_up(each)) is not None}
    times = sorted(values, reverse=newest_first)
    return {
        "id": query["Id"],
        "label": query.get("Label") or f"{metric['MetricName']} {stat['Stat']}",
        "timestamps": [datetime.fromtimestamp(when, UTC) for when in times],
        "values": [values[when] for when in times],
        "status_code": "Complete",
    }


@SEAMS.replaces("moto.cloudwatch.responses:CloudWatchResponse.put_metric_alarm")
def _put_alarm(*_: object) -> None:
    raise NotImplementedError("alarms: nothing would evaluate them")


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
