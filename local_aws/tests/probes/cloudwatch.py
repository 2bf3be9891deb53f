"""Probes of the seams of CloudWatch and its logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from local_aws import LocalAws
from local_aws.tests.probes import probe

METRIC: dict[str, Any] = {"Namespace": "N", "MetricName": "m"}
ALARM: dict[str, Any] = {
    **METRIC,
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def put(aws: LocalAws, *values: float, **datum: Any) -> tuple[Any, dict[str, datetime]]:
    """A client of a CloudWatch that has values, and the time that they lie in."""
    cloudwatch, now = aws.client("cloudwatch"), datetime.now(UTC)
    data = [{"MetricName": "m", "Timestamp": now, "Value": value, **datum} for value in values]
    cloudwatch.put_metric_data(Namespace="N", MetricData=data)
    return cloudwatch, {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}


@probe("moto.cloudwatch.models:CloudWatchBackend.get_metric_data")
def an_expression_is_refused(aws: LocalAws) -> bool:
    cloudwatch, times = put(aws, 1, 2, 3)
    stat = {"Metric": METRIC, "Period": 3_600, "Stat": "Sum"}
    queries = [{"Id": "m1", "MetricStat": stat}, {"Id": "e1", "Expression": "m1 * 2"}]
    return is_refused(cloudwatch.get_metric_data, MetricDataQueries=queries, **times)


@probe("moto.cloudwatch.responses:CloudWatchResponse.get_metric_statistics")
def metric_statistics_have_percentiles(aws: LocalAws) -> bool:
    cloudwatch, times = put(aws, 1, 2, 3)
    found = cloudwatch.get_metric_statistics(**METRIC, **times, Period=3_600, ExtendedStatistics=["p50"])
    return [point.get("ExtendedStatistics") for point in found["Datapoints"]] == [{"p50": 2.0}]


@probe("moto.cloudwatch.models:CloudWatchBackend.get_filtered_metrics")
def a_metric_of_two_dimensions_is_listed_once(aws: LocalAws) -> bool:
    dimensions = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    cloudwatch, _ = put(aws, 1, 2, 3, Dimensions=dimensions)
    return len(cloudwatch.list_metrics()["Metrics"]) == 1


@probe("moto.cloudwatch.responses:CloudWatchResponse.put_metric_alarm")
def an_alarm_is_refused(aws: LocalAws) -> bool:
    return is_refused(aws.client("cloudwatch").put_metric_alarm, AlarmName="a", **ALARM)


def is_refused(call: Callable[..., object], **parameters: object) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        return "does not serve" in str(error)
    return False


@probe("moto.logs.models:LogGroup.filter_log_events")
def events_of_streams_are_interleaved(aws: LocalAws) -> bool:
    now = time.time()
    for number, stream in enumerate("aba"):
        aws.logs.write("g", stream, [str(number)], now + number)
    events = aws.client("logs").filter_log_events(logGroupName="g")["events"]
    return [event["message"] for event in events] == ["0", "1", "2"]


def refused(call: Any, **arguments: Any) -> bool:
    """Whether a call is answered with an error."""
    try:
        call(**arguments)
    except ClientError:
        return True
    return False


@probe("moto.logs.responses:LogsResponse.put_metric_filter")
def a_metric_filter_is_refused(aws: LocalAws) -> bool:
    aws.logs.write("g", "a", ["line"])
    transformation = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}
    logs = aws.client("logs")
    named = {"logGroupName": "g", "filterName": "f", "filterPattern": "x"}
    return refused(logs.put_metric_filter, **named, metricTransformations=[transformation])


@probe("moto.logs.responses:LogsResponse.put_subscription_filter")
def a_subscription_filter_is_refused(aws: LocalAws) -> bool:
    for group in ("g", "h"):
        aws.logs.write(group, "a", ["line"])
    return refused(
        aws.client("logs").put_subscription_filter,
        logGroupName="g",
        filterName="f",
        filterPattern="",
        destinationArn="arn:aws:logs:us-east-1:123456789012:log-group:h",
    )


@probe("moto.logs.responses:LogsResponse.start_query")
def a_query_is_refused(aws: LocalAws) -> bool:
    aws.logs.write("g", "a", ["line"])
    query = "fields @message | filter @message like /x/"
    return refused(
        aws.client("logs").start_query, logGroupName="g", startTime=0, endTime=2**31, queryString=query
    )
