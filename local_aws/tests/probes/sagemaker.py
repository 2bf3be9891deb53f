"""Probes of the seams of SageMaker hosting and Application Auto Scaling.

Their endpoints want no instance, or one whose image nobody can run, so that no container starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local_aws import LocalAws
from local_aws.tests.patience import until
from local_aws.tests.probes import probe

SAGEMAKER = "moto.sagemaker.responses:SageMakerResponse"
SCALING = "moto.applicationautoscaling.responses:ApplicationAutoScalingResponse"
CONTAINER = {"Image": "image:1"}
ROLE = "arn:aws:iam::123456789012:role/any"


def refused(call: Callable[..., object], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"] == "ValidationException"
    return False


def configured(aws: LocalAws, name: str = "config", **variant: Any) -> Any:
    """A client, where there are a model and a configuration of it."""
    admin = aws.client("sagemaker")
    if not admin.list_models()["Models"]:
        admin.create_model(ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)
    chosen = {"VariantName": "main", "ModelName": "model", "InstanceType": "ml.m5.large", **variant}
    admin.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[chosen])
    return admin


def created(aws: LocalAws, **variant: Any) -> Any:
    """A client, where there is an endpoint."""
    admin = configured(aws, **variant)
    admin.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")
    until(lambda: described(aws)["EndpointStatus"] != "Creating")
    return admin


def described(aws: LocalAws) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName="endpoint")
    return found


@probe(f"{SAGEMAKER}.serialized")
def what_was_not_configured_is_left_out(aws: LocalAws) -> bool:
    return "VpcConfig" not in configured(aws).describe_model(ModelName="model")


@probe("moto.sagemaker.models:FakeEndpointConfig.validate_instance_type")
def newer_instance_types_are_known(aws: LocalAws) -> bool:
    try:
        configured(aws, InstanceType="ml.g6.xlarge")
    except ClientError:
        return False
    return True


@probe(f"{SAGEMAKER}.create_model")
def a_model_keeps_its_name(aws: LocalAws) -> bool:
    create = configured(aws).create_model
    return refused(create, ModelName="model", ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER)


@probe(f"{SAGEMAKER}.create_endpoint_config")
def a_configuration_keeps_its_name(aws: LocalAws) -> bool:
    configured(aws)
    return refused(lambda: configured(aws))


@probe(f"{SAGEMAKER}.create_endpoint")
def an_endpoint_without_a_container_fails(aws: LocalAws) -> bool:
    created(aws, InitialInstanceCount=1)
    return bool(described(aws)["EndpointStatus"] == "Failed")


@probe(f"{SAGEMAKER}.delete_endpoint")
def a_deleted_endpoint_has_no_instances(aws: LocalAws) -> bool:
    created(aws).delete_endpoint(EndpointName="endpoint")
    return "endpoint" not in aws.sagemaker.hosts


@probe(f"{SAGEMAKER}.update_endpoint_weights_and_capacities")
def a_weight_changes_no_capacity(aws: LocalAws) -> bool:
    wanted = [{"VariantName": "main", "DesiredWeight": 2.0}]
    created(aws).update_endpoint_weights_and_capacities(
        EndpointName="endpoint", DesiredWeightsAndCapacities=wanted
    )
    [variant] = described(aws)["ProductionVariants"]
    return (variant["CurrentWeight"], variant.get("DesiredInstanceCount")) == (2.0, 0)


@probe(f"{SAGEMAKER}.update_endpoint")
def an_endpoint_gets_another_configuration(aws: LocalAws) -> bool:
    admin = created(aws)
    configured(aws, "other")
    try:
        admin.update_endpoint(EndpointName="endpoint", EndpointConfigName="other")
    except ClientError:
        return False
    until(lambda: described(aws)["EndpointStatus"] == "InService")
    return bool(described(aws)["EndpointConfigName"] == "other")


@probe(f"{SCALING}.describe_scaling_activities")
def there_are_scaling_activities(aws: LocalAws) -> bool:
    created(aws)
    aws.sagemaker.scale("endpoint", 0, "nobody asks")
    try:
        found = aws.client("application-autoscaling").describe_scaling_activities(
            ServiceNamespace="sagemaker"
        )
    except ClientError:
        return False
    return [activity["Cause"] for activity in found["ScalingActivities"]] == ["nobody asks"]
