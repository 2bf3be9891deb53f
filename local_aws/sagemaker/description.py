"""What SageMaker's records hold of an endpoint: model, configuration and endpoint together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """What an instance runs.

    Attributes:
        image: the URI of the container image.
        model_data_url: s3://bucket/key of its model.tar.gz; None for a model without weights.
        environment: variables of the container.
    """

    name: str
    image: str
    model_data_url: str | None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class AsyncConfig:
    """The AsyncInferenceConfig of an endpoint configuration; paths are s3:// prefixes.

    `concurrency` is MaxConcurrentInvocationsPerInstance. Where that is not set AWS chooses; here it is 4.
    """

    output_path: str
    failure_path: str | None = None
    success_topic: str | None = None
    error_topic: str | None = None
    concurrency: int = 4


@dataclass(frozen=True)
class EndpointDescription:
    """An endpoint with its one production variant; it is asynchronous where `asynchronous` is there."""

    name: str
    variant: str
    model: Model
    instances: int
    asynchronous: AsyncConfig | None
    startup_seconds: float = 600.0


def describe_endpoint(sagemaker: Any, name: str, config_name: str | None = None) -> EndpointDescription:
    """Read the records of an endpoint, or of what another configuration would make of it.

    Raises:
        botocore.exceptions.ClientError: there is no such record.
    """
    if config_name is None:
        config_name = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    [variant] = config["ProductionVariants"]
    return EndpointDescription(
        name=name,
        variant=variant["VariantName"],
        model=_model(sagemaker.describe_model(ModelName=variant["ModelName"])),
        instances=variant.get("InitialInstanceCount", 0),
        asynchronous=_asynchronous(config.get("AsyncInferenceConfig")),
        startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", 600),
    )


def _model(record: Mapping[str, Any]) -> Model:
    [container] = record.get("Containers") or [record["PrimaryContainer"]]
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    url = container.get("ModelDataUrl", source.get("S3Uri"))
    return Model(record["ModelName"], container["Image"], url, container.get("Environment") or {})


def _asynchronous(config: Mapping[str, Any] | None) -> AsyncConfig | None:
    if not config:
        return None
    output = config["OutputConfig"]
    topics = output.get("NotificationConfig") or {}
    return AsyncConfig(
        output_path=output["S3OutputPath"],
        failure_path=output.get("S3FailurePath"),
        success_topic=topics.get("SuccessTopic"),
        error_topic=topics.get("ErrorTopic"),
        concurrency=config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", 4),
    )
