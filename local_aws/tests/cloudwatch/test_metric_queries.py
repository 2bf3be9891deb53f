"""GetMetricData of the local cloud, where moto's differs from CloudWatch's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.server import AwsServer

START = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
DIMENSIONS = [{"Name": "EndpointName", "Value": "e"}]


@pytest.fixture(scope="module")
def cloudwatch() -> Iterator[Any]:
    with AwsServer() as server:
        yield server.client("cloudwatch")


@pytest.fixture(scope="module")
def told(cloudwatch: Any) -> None:
    """1 to 100 in the first minute and 7 in the third, and as much of another namespace."""
    for namespace, scale in (("AWS/SageMaker", 1), ("Other", 1_000)):
        for minute, values in ((0, list(range(1, 101))), (2, [7])):
            datum = {
                "MetricName": "ModelLatency",
                "Dimensions": DIMENSIONS,
                "Timestamp": START + timedelta(minutes=minute, seconds=59),
                "Values": [float(scale * value) for value in values],
            }
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])


def ask(cloudwatch: Any, statistic: str, order: str = "TimestampAscending") -> tuple[list[Any], list[float]]:
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": DIMENSIONS}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
    [answer] = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=START, EndTime=START + timedelta(hours=1), ScanBy=order
    )["MetricDataResults"]
    return answer["Timestamps"], answer["Values"]


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("Sum", [5050, 7]),
        ("Average", [50.5, 7]),
        ("Minimum", [1, 7]),
        ("Maximum", [100, 7]),
        ("SampleCount", [100, 1]),
        ("p50", [50, 7]),
        ("p90", [90, 7]),
        ("p99.5", [100, 7]),
    ],
)
def test_a_period_is_summed_up_of_its_own_namespace_alone(
    cloudwatch: Any, told: None, statistic: str, values: list[float]
) -> None:
    assert ask(cloudwatch, statistic) == ([START, START + timedelta(minutes=2)], values)


def test_the_newest_comes_first_on_request(cloudwatch: Any, told: None) -> None:
    assert ask(cloudwatch, "Sum", "TimestampDescending")[1] == [7, 5050]


def test_an_unknown_statistic_is_refused(cloudwatch: Any, told: None) -> None:
    with pytest.raises(ClientError, match="knows no statistic p101"):
        ask(cloudwatch, "p101")
