"""What is published of executions, queues and hosts, as AWS does by itself."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from local_aws.cloudwatch.service_metrics import ServiceMetrics
from local_aws.repeating import repeating
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE, until


class Published:
    """Metric data by namespace and name, as they come."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], list[tuple[dict[str, str], float]]] = {}
        self._changed = threading.Condition()

    def __call__(self, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        with self._changed:
            for datum in data:
                dimensions = {one["Name"]: one["Value"] for one in datum["Dimensions"]}
                known = self.values.setdefault((namespace, datum["MetricName"]), [])
                known.append((dimensions, datum["Value"]))
            self._changed.notify_all()

    def wait_for(self, namespace: str, name: str, count: int = 1) -> list[tuple[dict[str, str], float]]:
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.values.get((namespace, name), ())) >= count, PATIENCE
            )
            return self.values[namespace, name]


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with AwsServer() as server:
        yield server


@pytest.fixture
def published(server: AwsServer) -> Iterator[Published]:
    published = Published()
    services = ServiceMetrics(published, lambda: {"e": (os.getpid(),), "gone": (2**22 + 1,)})
    with repeating(services.look, 0.02):
        yield published


def test_each_start_and_end_of_an_execution_is_published_once(
    server: AwsServer, published: Published
) -> None:
    flow = server.client("stepfunctions")
    states = {
        "ok": {"Type": "Pass", "End": True},
        "no": {"Type": "Fail", "Error": "E", "Cause": "because"},
        "which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fail", "BooleanEquals": True, "Next": "no"}],
            "Default": "ok",
        },
    }
    machine = flow.create_state_machine(
        name="m",
        definition=json.dumps({"StartAt": "which", "States": states}),
        roleArn="arn:aws:iam::123456789012:role/r",
    )["stateMachineArn"]
    for number, fails in enumerate((False, True, False)):
        flow.start_execution(stateMachineArn=machine, name=f"x{number}", input=json.dumps({"fail": fails}))
    took = published.wait_for("AWS/States", "ExecutionTime", 3)
    assert all(
        dimensions == {"StateMachineArn": machine} and 0 <= value < 60_000 for dimensions, value in took
    )
    counts = {
        name: len(values) for (_, name), values in published.values.items() if name.startswith("Executions")
    }
    assert counts == {"ExecutionsStarted": 3, "ExecutionsSucceeded": 2, "ExecutionsFailed": 1}


def test_how_much_waits_in_a_queue_and_how_long(server: AwsServer, published: Published) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")

    def full() -> bool:
        values = published.wait_for("AWS/SQS", "ApproximateNumberOfMessagesVisible")
        return ({"QueueName": "q"}, 1.0) in list(values)

    until(full)
    assert any(value > 0 for _, value in list(published.wait_for("AWS/SQS", "ApproximateAgeOfOldestMessage")))


def test_each_host_reports_and_one_that_has_gone_does_not(published: Published) -> None:
    [(dimensions, cpu), *_] = published.wait_for("/aws/sagemaker/Endpoints", "CPUUtilization")
    [(_, memory), *_] = published.wait_for("/aws/sagemaker/Endpoints", "MemoryUtilization")
    assert dimensions == {"EndpointName": "e", "VariantName": "AllTraffic"}
    assert cpu >= 0
    assert 0 < memory < 100
