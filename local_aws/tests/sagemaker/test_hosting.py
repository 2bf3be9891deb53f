"""Endpoints as records and as processes: how they start, fail, change, share and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local_aws.errors import StartError
from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import ROLE, Cloud


def described(cloud: Cloud, name: str) -> dict[str, Any]:
    told: dict[str, Any] = cloud.client("sagemaker").describe_endpoint(EndpointName=name)
    return told


def counts(cloud: Cloud, name: str) -> tuple[int, int]:
    (variant,) = described(cloud, name)["ProductionVariants"]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def test_in_service_is_what_answers_its_pings(cloud: Cloud, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    cloud.create("loading", model="loading", environment={"FAKE_LOADS_UNTIL": str(loaded)}, wait=False)
    assert described(cloud, "loading")["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match="Endpoint loading of account 123456789012 not found"):
        cloud.runtime.invoke_endpoint(EndpointName="loading", Body=b"")
    loaded.touch()
    cloud.sagemaker.wait_in_service("loading", 20)
    assert described(cloud, "loading")["EndpointStatus"] == "InService"
    assert counts(cloud, "loading") == (1, 1)


def test_an_endpoint_that_cannot_start_says_why(cloud: Cloud) -> None:
    with pytest.raises(StartError, match="the device is gone"):
        cloud.create("broken", model="broken", environment={"FAKE_FAILS": "yes"})
    told = described(cloud, "broken")
    assert told["EndpointStatus"] == "Failed"
    assert "the device is gone" in told["FailureReason"]


def test_endpoints_of_one_model_share_their_processes(cloud: Cloud) -> None:
    cloud.create("now", model="shared")
    cloud.create("soon", model="shared", asynchronous=True)
    assert cloud.sagemaker.hosts["now"] == cloud.sagemaker.hosts["soon"] != ()
    cloud.sagemaker.set_instance_count("soon", 0)
    assert (cloud.sagemaker.hosts["soon"], len(cloud.sagemaker.hosts["now"])) == ((), 1)
    assert (counts(cloud, "soon"), counts(cloud, "now")) == ((0, 0), (1, 1))


def test_capacity_is_changed_by_the_api(cloud: Cloud) -> None:
    cloud.create("growing", model="growing")
    cloud.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="growing",
        DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 2}],
    )
    until(lambda: len(cloud.sagemaker.hosts["growing"]) == 2)
    until(lambda: counts(cloud, "growing") == (2, 2))


def test_an_update_serves_the_old_model_until_the_new_one_is_ready(cloud: Cloud) -> None:
    cloud.create("old", model="old")
    cloud.create("new", model="new")
    (before,) = cloud.sagemaker.hosts["old"]
    cloud.client("sagemaker").update_endpoint(EndpointName="old", EndpointConfigName="new-config")
    assert cloud.runtime.invoke_endpoint(EndpointName="old", Body=b"x")["Body"].read() == b"x"
    until(lambda: cloud.sagemaker.hosts["old"] == cloud.sagemaker.hosts["new"])
    until(lambda: described(cloud, "old")["EndpointStatus"] == "InService")
    assert described(cloud, "old")["EndpointConfigName"] == "new-config"
    until(lambda: not psutil.pid_exists(before))


def test_an_update_that_fails_leaves_the_old_model_in_service(cloud: Cloud) -> None:
    cloud.create("kept", model="kept")
    with pytest.raises(StartError):
        cloud.create("bad", model="bad", environment={"FAKE_FAILS": "yes"})
    before = cloud.sagemaker.hosts["kept"]
    cloud.client("sagemaker").update_endpoint(EndpointName="kept", EndpointConfigName="bad-config")
    until(lambda: described(cloud, "kept").get("FailureReason") is not None)
    assert described(cloud, "kept")["EndpointStatus"] == "InService"
    assert cloud.sagemaker.hosts["kept"] == before
    assert cloud.runtime.invoke_endpoint(EndpointName="kept", Body=b"x")["Body"].read() == b"x"


def test_what_waits_when_an_endpoint_is_updated_is_served_by_the_new_model(cloud: Cloud) -> None:
    cloud.create("moved", model="moved", asynchronous=True)
    cloud.create("next", model="next", asynchronous=True)
    cloud.sagemaker.set_instance_count("moved", 0)
    cloud.runtime.invoke_endpoint_async(EndpointName="moved", Body=b"{}", InferenceId="waited")
    cloud.client("sagemaker").update_endpoint(EndpointName="moved", EndpointConfigName="next-config")
    (message,) = cloud.messages("next", "success")
    assert (message["inferenceId"], message["requestParameters"]["endpointName"]) == ("waited", "moved")


def test_deleted_is_gone(cloud: Cloud) -> None:
    cloud.create("short", model="short")
    (pid,) = cloud.sagemaker.hosts["short"]
    cloud.client("sagemaker").delete_endpoint(EndpointName="short")
    until(lambda: not psutil.pid_exists(pid))
    with pytest.raises(ClientError, match="not found"):
        cloud.runtime.invoke_endpoint(EndpointName="short", Body=b"")


def test_gpu_instances_are_known_and_nonsense_is_not(cloud: Cloud) -> None:
    admin = cloud.client("sagemaker")
    admin.create_model(ModelName="typed", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "x"})

    def configure(instance_type: str) -> None:
        variant = {"VariantName": "main", "ModelName": "typed", "InstanceType": instance_type}
        admin.create_endpoint_config(EndpointConfigName=instance_type, ProductionVariants=[variant])

    for instance_type in ("ml.g5.xlarge", "ml.g6.2xlarge", "ml.g6e.12xlarge", "ml.m5.large"):
        configure(instance_type)
    with pytest.raises(ClientError, match="no instance type"):
        configure("ml.nonsense")
