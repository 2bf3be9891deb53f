"""A local AWS with the SageMaker double, over containers that do what they are told."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_aws.account import CREDENTIALS
from local_aws.containers import Container
from local_aws.sagemaker import Hosting, RuntimeLimits, SageMakerRuntime
from local_aws.sagemaker.description import Model
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "work"
FAKE_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fake:1"
LIMITS = RuntimeLimits(retry_seconds=0.02, metric_period_seconds=3_600)
ROLE = "arn:aws:iam::123456789012:role/any"


def fake_container(model: Model) -> Container:
    return Container(
        name=model.name,
        command=(sys.executable, "-m", "local_aws.tests.sagemaker.fake_container", "serve"),
        environment={**model.environment, "PYTHONPATH": str(ROOT)},
    )


@dataclass
class Cloud:
    """The double, its server and what a test needs of them."""

    server: AwsServer
    sagemaker: SageMakerRuntime
    metrics: list[Mapping[str, Any]] = field(default_factory=list)
    logs: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Group, stream and line of what containers have logged."""

    def client(self, service: str) -> Any:
        return self.server.client(service)

    @cached_property
    def runtime(self) -> Any:
        """A client that sends what it is told, and once."""
        return boto3.Session().client(
            "sagemaker-runtime",
            endpoint_url=self.server.endpoint_url,
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
            **CREDENTIALS,
        )

    def metric(self, name: str, endpoint: str) -> list[float]:
        """Values published under this name; a value that was measured twice is there twice."""
        self.sagemaker.publish_metrics()
        found: list[float] = []
        for entry in self.metrics:
            if entry["MetricName"] == name and entry["Dimensions"][0]["Value"] == endpoint:
                values = entry.get("Values", [entry.get("Value")])
                counts = entry.get("Counts", [1])
                found += [
                    value for value, times in zip(values, counts, strict=True) for _ in range(int(times))
                ]
        return found

    def create(
        self,
        name: str,
        *,
        model: str = "fake",
        instances: int = 1,
        asynchronous: bool = False,
        concurrency: int = 2,
        environment: dict[str, str] | None = None,
        image: str = FAKE_IMAGE,
        url: str = "s3://artifacts/fake/model.tar.gz",
        wait: bool = True,
    ) -> str:
        """An endpoint, which shares its container with others of the same model.

        `messages` receives what an asynchronous one tells its topics.
        """
        admin = self.client("sagemaker")
        if model not in {known["ModelName"] for known in admin.list_models()["Models"]}:
            container = {"Image": image, "ModelDataUrl": url, "Environment": environment or {}}
            admin.create_model(ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        config: dict[str, Any] = {}
        if asynchronous:
            config["AsyncInferenceConfig"] = {
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
                "OutputConfig": {
                    "S3OutputPath": f"s3://{BUCKET}/",
                    "S3FailurePath": f"s3://{BUCKET}/failures",
                    "NotificationConfig": {
                        "SuccessTopic": self.topic(name, "success"),
                        "ErrorTopic": self.topic(name, "error"),
                    },
                },
            }
        admin.create_endpoint_config(
            EndpointConfigName=f"{name}-config",
            ProductionVariants=[
                {
                    "VariantName": "main",
                    "ModelName": model,
                    "InstanceType": "ml.g6.xlarge",
                    "InitialInstanceCount": instances,
                }
            ],
            **config,
        )
        admin.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config")
        if wait:
            self.sagemaker.wait_in_service(name, PATIENCE)
        return name

    def topic(self, endpoint: str, kind: str) -> str:
        arn: str = self.client("sns").create_topic(Name=f"{endpoint}-{kind}")["TopicArn"]
        queue = self.client("sqs").create_queue(QueueName=f"{endpoint}-{kind}")["QueueUrl"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
        )
        return arn

    def messages(
        self, endpoint: str, kind: str, wanted: int = 1, seconds: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """The SNS messages of an endpoint, at least as many as wanted."""
        sqs = self.client("sqs")
        queue = sqs.get_queue_url(QueueName=f"{endpoint}-{kind}")["QueueUrl"]
        found: list[dict[str, Any]] = []
        end = time.monotonic() + seconds
        while len(found) < wanted and time.monotonic() < end:
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            found += [json.loads(json.loads(message["Body"])["Message"]) for message in received]
            if not received:
                time.sleep(0.02)
        assert len(found) >= wanted, f"{len(found)} of {wanted} messages"
        return found

    def put(self, key: str, body: bytes | dict[str, Any]) -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def get(self, location: str) -> bytes:
        key = location.removeprefix(f"s3://{BUCKET}/")
        body: bytes = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    with AwsServer() as started:
        started.client("s3").create_bucket(Bucket=BUCKET)
        yield started


@contextmanager
def started(
    server: AwsServer,
    folder: Path,
    containers: Callable[[Model], Container] = fake_container,
    limits: RuntimeLimits = LIMITS,
) -> Iterator[Cloud]:
    """A double; a process has one at a time."""
    metrics: list[Mapping[str, Any]] = []
    logs: list[tuple[str, str, bytes]] = []
    double = SageMakerRuntime(
        server.client,
        Hosting(containers, folder, limits),
        publish=lambda _, data: metrics.extend(data),
        on_log=lambda group, stream, lines: logs.extend((group, stream, line) for line in lines),
    )
    with double:
        server.add_routes(double.routes())
        yield Cloud(server, double, metrics, logs)


@pytest.fixture(scope="module")
def cloud(server: AwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with started(server, tmp_path_factory.mktemp("logs")) as cloud:
        yield cloud
