"""Metrics as they are put and asked for, where moto departs from CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

START = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
DIMENSIONS = [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}]
LATENCY = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": DIMENSIONS}
PERCENTILES = {"p50": (50, 7), "p90": (90, 7), "p99.5": (100, 7), "tm50": (25.5, 7)}
STATISTICS = {
    "Sum": (5_050, 7),
    "Average": (50.5, 7),
    "Minimum": (1, 7),
    "Maximum": (100, 7),
    "SampleCount": (100, 1),
    **PERCENTILES,
}


def put(cloudwatch: Any, name: str, minute: float, value: float | None = None, **datum: Any) -> None:
    """A value of a metric that has one dimension."""
    when = START + timedelta(minutes=minute)
    values = {} if value is None else {"Value": float(value)}
    cloudwatch.put_metric_data(
        Namespace="N",
        MetricData=[{"MetricName": name, "Timestamp": when, "Dimensions": DIMENSIONS[:1], **values, **datum}],
    )


@pytest.fixture
def latencies(cloudwatch: Any) -> None:
    """1 to 100 in the first minute and 7 in the third, and as much of what is near it but not it."""
    others = ({**LATENCY, "Namespace": "Other"}, {**LATENCY, "Dimensions": DIMENSIONS[:1]})
    for metric, scale in ((LATENCY, 1), *((other, 1_000) for other in others)):
        for minute, values in ((0, range(1, 101)), (2, [7])):
            datum = {
                "MetricName": metric["MetricName"],
                "Dimensions": metric["Dimensions"],
                "Timestamp": START + timedelta(minutes=minute, seconds=59),
                "Values": [float(scale * value) for value in values],
            }
            cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])


def ask(cloudwatch: Any, *queries: dict[str, Any], start: datetime = START, **options: Any) -> list[Any]:
    """The results of queries over an hour."""
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=list(queries),
        StartTime=start,
        EndTime=start + timedelta(hours=1),
        **{"ScanBy": "TimestampAscending", **options},
    )
    return list(answer["MetricDataResults"])


def stat(query_id: str, statistic: str, metric: dict[str, Any] = LATENCY, **options: Any) -> dict[str, Any]:
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic, **options}}


@pytest.mark.parametrize(("statistic", "values"), STATISTICS.items())
def test_a_period_is_summed_up_of_its_own_metric_alone(
    cloudwatch: Any, latencies: None, statistic: str, values: tuple[float, ...]
) -> None:
    [answer] = ask(cloudwatch, stat("q", statistic))
    assert answer["Timestamps"] == [START, START + timedelta(minutes=2)]
    assert answer["Values"] == list(values)


@pytest.mark.parametrize(("statistic", "values"), STATISTICS.items())
def test_statistics_are_the_same_asked_for_as_such(
    cloudwatch: Any, latencies: None, statistic: str, values: tuple[float, ...]
) -> None:
    extended = statistic in PERCENTILES
    answer = cloudwatch.get_metric_statistics(
        **LATENCY,
        StartTime=START,
        EndTime=START + timedelta(hours=1),
        Period=60,
        **{"ExtendedStatistics" if extended else "Statistics": [statistic]},
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert [point["Timestamp"] for point in points] == [START, START + timedelta(minutes=2)]
    found = [point["ExtendedStatistics"] if extended else point for point in points]
    assert [point[statistic] for point in found] == list(values)


def test_the_newest_comes_first_on_request(cloudwatch: Any, latencies: None) -> None:
    [answer] = ask(cloudwatch, stat("q", "Sum"), ScanBy="TimestampDescending")
    assert answer["Values"] == [7, 5_050]


def test_a_minute_that_is_asked_for_in_its_middle_counts_whole(cloudwatch: Any) -> None:
    put(cloudwatch, "m", 0.1, 1)
    put(cloudwatch, "m", 0.9, 2)
    metric = {"Namespace": "N", "MetricName": "m", "Dimensions": DIMENSIONS[:1]}
    [answer] = ask(cloudwatch, stat("q", "Sum", metric), start=START + timedelta(seconds=30))
    assert (answer["Timestamps"], answer["Values"]) == ([START], [3])


def test_an_unknown_statistic_is_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="does not serve the statistic p101"):
        ask(cloudwatch, stat("q", "p101"))


def test_values_count_as_often_as_they_say_and_statistics_as_what_they_sum_up(cloudwatch: Any) -> None:
    put(cloudwatch, "m", 0, Values=[1.0, 10.0], Counts=[3.0, 1.0])
    summary = {"SampleCount": 4.0, "Sum": 40.0, "Minimum": 5.0, "Maximum": 20.0}
    put(cloudwatch, "m", 1, StatisticValues=summary)
    metric = {"Namespace": "N", "MetricName": "m", "Dimensions": DIMENSIONS[:1]}
    names = ("Sum", "SampleCount", "Average", "Minimum", "Maximum", "p50")
    answers = ask(cloudwatch, *(stat(name.lower(), name, metric) for name in names))
    values = dict(zip(names, (answer["Values"] for answer in answers), strict=True))
    assert values == {
        "Sum": [13, 40],
        "SampleCount": [4, 4],
        "Average": [3.25, 10],
        "Minimum": [1, 5],
        "Maximum": [10, 20],
        "p50": [1],  # none of statistics: nobody knows the values
    }


def test_units_are_kept_apart(cloudwatch: Any) -> None:
    put(cloudwatch, "m", 0, 1, Unit="Seconds")
    put(cloudwatch, "m", 0, 500, Unit="Milliseconds")
    metric = {"Namespace": "N", "MetricName": "m", "Dimensions": DIMENSIONS[:1]}
    [answer] = ask(cloudwatch, stat("q", "Sum", metric, Unit="Seconds"))
    assert answer["Values"] == [1]
    times = {"StartTime": START, "EndTime": START + timedelta(hours=1), "Period": 60}
    points = cloudwatch.get_metric_statistics(**metric, **times, Statistics=["Sum"])["Datapoints"]
    assert {(point["Unit"], point["Sum"]) for point in points} == {("Seconds", 1), ("Milliseconds", 500)}


def test_a_metric_is_listed_once(cloudwatch: Any, latencies: None) -> None:
    found = cloudwatch.list_metrics(Namespace="AWS/SageMaker", MetricName="ModelLatency")["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in found) == [1, 2]


def test_metric_expressions_are_refused_by_name(cloudwatch: Any, latencies: None) -> None:
    with pytest.raises(ClientError, match="does not serve metric expressions"):
        ask(cloudwatch, stat("a", "Sum"), {"Id": "e", "Expression": "a * 2"})
