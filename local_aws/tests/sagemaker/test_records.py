"""What SageMaker's API answers of models, configurations and endpoints, and what it refuses by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import FAKE_IMAGE, ROLE, Cloud
from local_aws.unserved import REFUSED

VARIANT = {
    "VariantName": "main",
    "ModelName": "plain",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://work/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def empty_members(value: Any, path: str = "") -> Iterator[str]:
    """Where there is nothing in a described object, though a member of that name."""
    if value in ({}, [], None):
        yield path
    for name, part in value.items() if isinstance(value, dict) else ():
        yield from empty_members(part, f"{path}/{name}")
    for part in value if isinstance(value, list) else ():
        yield from empty_members(part, path)


def message(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    return str(error.value.response["Error"]["Message"])


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_described_object_has_no_empty_member(cloud: Cloud, asynchronous: bool) -> None:
    name, admin = (
        cloud.create(f"described-{asynchronous}", asynchronous=asynchronous),
        cloud.client("sagemaker"),
    )
    endpoint = admin.describe_endpoint(EndpointName=name)
    config = admin.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = admin.describe_model(ModelName="fake")
    assert [*empty_members(endpoint), *empty_members(config), *empty_members(model)] == []
    assert endpoint.get("AsyncInferenceConfig") == config.get("AsyncInferenceConfig")
    assert ("AsyncInferenceConfig" in endpoint) is asynchronous
    [variant] = endpoint["ProductionVariants"]
    [image] = variant.pop("DeployedImages")
    assert image["SpecifiedImage"] == image["ResolvedImage"] == FAKE_IMAGE
    assert variant == {
        "VariantName": "main",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    assert admin.list_endpoints(NameContains="no-such-endpoint")["Endpoints"] == []


def test_a_pending_deployment_shows_while_there_is_one(cloud: Cloud, tmp_path: Path) -> None:
    admin, loaded = cloud.client("sagemaker"), tmp_path / "loaded"
    cloud.create("pending", model="pending")
    cloud.create("next", model="later", environment={"FAKE_LOADS_UNTIL": str(loaded)}, wait=False)

    def described(name: str) -> dict[str, Any]:
        found: dict[str, Any] = admin.describe_endpoint(EndpointName=name)
        return found

    assert described("next")["PendingDeploymentSummary"]["EndpointConfigName"] == "next-config"
    assert "PendingDeploymentSummary" not in described("pending")
    admin.update_endpoint(EndpointName="pending", EndpointConfigName="next-config")
    found = described("pending")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "pending-config")
    summary = found["PendingDeploymentSummary"]
    assert summary["EndpointConfigName"] == "next-config"
    change = {"EndpointName": "pending", "EndpointConfigName": "pending-config"}
    assert "in-progress" in message(admin.update_endpoint, **change)
    loaded.touch()
    until(lambda: described("pending")["EndpointStatus"] == "InService")
    found = described("pending")
    assert found["EndpointConfigName"] == "next-config"
    assert "PendingDeploymentSummary" not in found


def test_an_update_has_as_many_instances_as_its_configuration_says(cloud: Cloud) -> None:
    cloud.create("counted", model="counted")
    cloud.create("other-count", model="other-count")
    admin, change = cloud.client("sagemaker"), {"EndpointName": "counted"}
    cloud.sagemaker.set_instance_count("counted", 2)
    change["EndpointConfigName"] = "other-count-config"
    retained = {"RetainAllVariantProperties": True, **change}
    assert "RetainAllVariantProperties" in message(admin.update_endpoint, **retained)
    admin.update_endpoint(RetainAllVariantProperties=False, **change)
    until(lambda: admin.describe_endpoint(EndpointName="counted")["EndpointStatus"] == "InService")
    [variant] = admin.describe_endpoint(EndpointName="counted")["ProductionVariants"]
    assert variant["DesiredInstanceCount"] == 1


def test_a_model_is_described_as_it_was_made(cloud: Cloud) -> None:
    admin = cloud.client("sagemaker")
    container = {"Image": FAKE_IMAGE, "Environment": {"ABC_DEF": "x", "camelCase": "y"}}
    admin.create_model(
        ModelName="whole", ExecutionRoleArn=ROLE, Containers=[container], EnableNetworkIsolation=True
    )
    found = admin.describe_model(ModelName="whole")
    assert found["Containers"] == [container]
    assert found["EnableNetworkIsolation"] is True


def test_a_container_of_several_and_none_is_refused(cloud: Cloud) -> None:
    create = cloud.client("sagemaker").create_model
    told: dict[str, Any] = {"ModelName": "refused", "ExecutionRoleArn": ROLE}
    assert "Containers" in message(create, Containers=[{"Image": "a"}, {"Image": "b"}], **told)
    assert "Image" in message(create, PrimaryContainer={"ModelDataUrl": "s3://work/model.tar.gz"}, **told)
    for name, value in {
        "Mode": "MultiModel",
        "ModelPackageName": "package",
        "MultiModelConfig": {"ModelCacheSetting": "Enabled"},
    }.items():
        assert name in message(create, PrimaryContainer={"Image": "a", name: value}, **told)


@pytest.mark.parametrize(
    ("name", "variant", "config"),
    [
        ("InstancePools", {"InstancePools": [{"InstanceType": "ml.m5.large", "Priority": 1}]}, {}),
        ("ServerlessConfig", {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, {}),
        ("ManagedInstanceScaling", {"ManagedInstanceScaling": {"Status": "ENABLED"}}, {}),
        ("RoutingConfig", {"RoutingConfig": {"RoutingStrategy": "RANDOM"}}, {}),
        ("ModelName", {"ModelName": None}, {}),
        ("DataCaptureConfig", {}, {"DataCaptureConfig": CAPTURE}),
        ("DataCaptureConfig", {}, {"DataCaptureConfig": {**CAPTURE, "EnableCapture": True}}),
        ("ShadowProductionVariants", {}, {"ShadowProductionVariants": [VARIANT]}),
        ("ProductionVariants", {}, {"ProductionVariants": [VARIANT, {**VARIANT, "VariantName": "other"}]}),
        ("S3OutputPath", {}, {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "https://any/"}}}),
        ("S3OutputPath", {}, {"AsyncInferenceConfig": {"OutputConfig": {"KmsKeyId": "k"}}}),
    ],
)
def test_what_would_never_happen_is_refused_by_name(
    cloud: Cloud, name: str, variant: dict[str, Any], config: dict[str, Any]
) -> None:
    admin = cloud.client("sagemaker")
    if "plain" not in {model["ModelName"] for model in admin.list_models()["Models"]}:
        admin.create_model(ModelName="plain", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": FAKE_IMAGE})
    chosen = {key: value for key, value in {**VARIANT, **variant}.items() if value is not None}
    parameters = {"EndpointConfigName": "refused", "ProductionVariants": [chosen], **config}
    said = message(admin.create_endpoint_config, **parameters)
    assert said.startswith("The local AWS serves") or said == f"The local AWS does not serve {name}."
    assert name in said
    assert "not find" in message(admin.describe_endpoint_config, EndpointConfigName="refused")


def test_what_is_switched_off_or_done_anyway_is_taken(cloud: Cloud) -> None:
    cloud.create("quiet")
    routing = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
    cloud.client("sagemaker").create_endpoint_config(
        EndpointConfigName="quiet-too",
        ProductionVariants=[{**VARIANT, **routing, "ModelName": "fake"}],
        DataCaptureConfig={**CAPTURE, "EnableCapture": False},
    )


def test_a_deployment_in_steps_is_refused(cloud: Cloud) -> None:
    cloud.create("steps")
    steps = {"Type": "CANARY", "WaitIntervalInSeconds": 60}
    blue_green = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": steps}}
    parameters = {
        "EndpointName": "steps",
        "EndpointConfigName": "steps-config",
        "DeploymentConfig": blue_green,
    }
    admin = cloud.client("sagemaker")
    assert "DeploymentConfig" in message(admin.update_endpoint, **parameters)
    assert "DeploymentConfig" in message(admin.create_endpoint, **{**parameters, "EndpointName": "more"})
    assert admin.describe_endpoint(EndpointName="steps")["EndpointStatus"] == "InService"


def test_every_name_that_is_refused_is_one_of_the_api() -> None:
    model: Any = botocore.session.get_session().get_service_model("sagemaker")
    known: set[str] = set()
    shapes = [
        model.operation_model(f"{verb}{what}").input_shape
        for verb, what in (
            ("Create", "Model"),
            ("Create", "EndpointConfig"),
            ("Create", "Endpoint"),
            ("Update", "Endpoint"),
            ("Update", "EndpointWeightsAndCapacities"),
        )
    ]
    while shapes:
        shape = shapes.pop()
        members = shape.members if shape.type_name == "structure" else {}
        shapes += [member for name, member in members.items() if name not in known]
        shapes += [shape.member] if shape.type_name == "list" else []
        known |= set(members)
    assert known.issuperset(REFUSED["parameters"]["sagemaker"])
