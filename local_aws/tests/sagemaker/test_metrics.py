"""Metrics as CloudWatch takes them, and as a policy reads them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from local_aws.cloudwatch.metrics import publish
from local_aws.sagemaker.metrics import NAMESPACE, VariantMetrics, endpoint_gauge
from local_aws.server import AwsServer


def test_a_value_that_was_measured_twice_counts_twice() -> None:
    metrics = VariantMetrics("any", "main")
    for number in range(400):
        metrics.add("ModelLatency", number % 350, "Microseconds")
    [entry] = metrics.take()
    assert (len(entry["Values"]), sum(entry["Counts"])) == (350, 400)
    assert metrics.take() == []


def test_what_is_published_can_be_read_by_its_dimensions(server: AwsServer) -> None:
    metrics = VariantMetrics("read", "main")
    for seconds in (0.1, 0.1, 0.4):
        metrics.add_duration("ModelLatency", seconds, "Microseconds")
    now = datetime.now(UTC)
    gauge = {**endpoint_gauge("read", "ApproximateBacklogSize", 7), "Timestamp": now}
    publish(NAMESPACE, [*metrics.take(), gauge])

    def read(name: str, *dimensions: tuple[str, str]) -> dict[str, float]:
        (point,) = server.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3_600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        return {name: point[name] for name in ("Sum", "SampleCount")}

    assert read("ApproximateBacklogSize", ("EndpointName", "read")) == {"Sum": 7, "SampleCount": 1}
    variant = read("ModelLatency", ("EndpointName", "read"), ("VariantName", "main"))
    assert variant == {"Sum": 600_000, "SampleCount": 3}
