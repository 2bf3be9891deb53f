"""The dashboards in the terminal: the charts of CloudWatch's, with the numbers of CloudWatch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from hybrid_ocr.cli import app
from hybrid_ocr.clients import Connection
from hybrid_ocr.commands.dashboard_readings import Dashboards, lines_of
from infra.metrics import Metric
from tests.clients.deployment import Deployment


@pytest.fixture
def endpoints(connection: Connection) -> Iterator[None]:
    """An asynchronous endpoint for OCR, and one of another deployment."""
    sagemaker = connection.client("sagemaker")
    names = [connection.names.endpoint("ocr", "async"), "hybrid-ocr-localhost-ocr-realtime"]
    for name in names:
        model = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}
        role = "arn:aws:iam::123456789012:role/r"
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=model)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    yield
    for name in names:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        sagemaker.delete_model(ModelName=name)


def publish(connection: Connection, metric: Metric, values: list[float], minutes_ago: float = 0.0) -> None:
    """Values of a metric, at a moment of the past."""
    datum = {
        "MetricName": metric.name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in metric.dimensions.items()],
        "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes_ago),
        "Values": values,
    }
    connection.client("cloudwatch").put_metric_data(Namespace=metric.namespace, MetricData=[datum])


def metric_of(dashboards: Dashboards, board: str, label: str, statistic: str | None = None) -> Metric:
    [found] = dashboards.named([board])
    return next(
        line.metric
        for line in lines_of(found)
        if line.label == label and statistic in {None, line.metric.statistic}
    )


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["dashboard", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def told(*arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Each line of --json by its chart and name."""
    code, said = run("--json", *arguments)
    assert code == 0, said
    lines = [json.loads(line) for line in said.splitlines()]
    return {(line["chart"], line["line"]): line for line in lines}


def test_numbers_come_from_cloudwatch(local: Deployment, connection: Connection, endpoints: None) -> None:
    dashboards = Dashboards(connection, 60)
    latency = metric_of(dashboards, "ocr-async", "model")
    publish(connection, metric_of(dashboards, "documents", "in"), [1.0, 1.0], minutes_ago=10)
    publish(connection, metric_of(dashboards, "documents", "in"), [1.0])
    publish(connection, latency, [float(value) for value in range(1, 101)], minutes_ago=30)
    publish(connection, metric_of(dashboards, "ocr-async", "instances"), [50.0, 60.0])

    documents, ocr = told("documents"), told("ocr-async")
    jobs = documents["Jobs per minute", "in"]
    assert (jobs["whole"], jobs["last"], len(jobs["values"])) == (3, 1, 60)
    assert sum(value or 0 for value in jobs["values"]) == 3
    assert documents["Verdicts per minute", "failed"]["last"] is None, "nothing was reported"
    model = ocr["Latency by part, p90", "model"]
    assert (model["unit"], model["statistic"], model["whole"]) == ("microseconds", "p90", 90)
    assert model["last"] is None, "half an hour ago is not now"
    assert ocr["Instances", "instances"]["last"] == 2, "two reports of a minute are two instances"


def test_instances_are_counted_by_the_minute_however_long_a_period_is(
    local: Deployment, connection: Connection, endpoints: None
) -> None:
    instances = metric_of(Dashboards(connection, 60), "ocr-async", "GPU")
    reports = Metric(instances.namespace, "CPUUtilization", "Percent", "SampleCount", instances.dimensions)
    for minute in range(30, 90):
        publish(connection, reports, [10.0], minutes_ago=minute)
    told_of = told("ocr-async", "--minutes", "600")["Instances", "instances"]
    assert 0.9 <= max(value or 0 for value in told_of["values"]) <= 1.2


def test_only_endpoints_of_the_deployment_have_boards(
    local: Deployment, connection: Connection, endpoints: None
) -> None:
    assert [board.name for board in Dashboards(connection, 60).boards] == ["documents", "ocr-async"]


def test_a_person_sees_charts(local: Deployment, connection: Connection, endpoints: None) -> None:
    publish(connection, metric_of(Dashboards(connection, 60), "ocr-async", "in all"), [2_500.0])
    code, said = run()
    assert code == 0
    assert "stage local" in said
    for expected in (
        "Jobs per minute",
        "Age of the oldest",
        "ocr-async",
        "Backlog",
        "Latency by part",
        "2.5 s",
    ):
        assert expected in said


def test_an_unknown_board_says_which_there_are(local: Deployment, endpoints: None) -> None:
    code, said = run("latency")
    assert code == 2
    assert "there is no board 'latency': there are documents, ocr-async" in " ".join(said.split())


def test_reading_dashboards_needs_no_cdk() -> None:
    script = (
        "import sys, hybrid_ocr.commands.dashboard_readings; "
        "print(any(m.startswith('aws_cdk') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
