"""DescribeScalingActivities of whoever scales the endpoints of a local AWS."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from local_aws.tests.patience import until
from local_aws.tests.sagemaker.conftest import Cloud


def test_who_scales_is_told_of_the_newest_first(cloud: Cloud) -> None:
    cloud.create("scaled", model="scaled")
    cloud.create("not-scaled", model="not-scaled")
    cloud.sagemaker.scale("scaled", 0, "nothing waits")
    cloud.sagemaker.scale("scaled", 2, "HasBacklogWithoutCapacity 1")
    cloud.sagemaker.scale("not-scaled", 1, "a schedule")
    client = cloud.client("application-autoscaling")
    told = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/scaled/variant/main"}

    def codes() -> list[str]:
        found = client.describe_scaling_activities(**told)["ScalingActivities"]
        return [activity["StatusCode"] for activity in found]

    until(lambda: codes() == ["Successful", "Successful"])
    newest, first = client.describe_scaling_activities(**told)["ScalingActivities"]
    assert newest["Description"] == "Setting desired instance count to 2."
    assert (newest["Cause"], first["Cause"]) == ("HasBacklogWithoutCapacity 1", "nothing waits")
    assert newest["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert first["StartTime"] <= newest["StartTime"] <= newest["EndTime"]
    assert newest["ActivityId"] != first["ActivityId"]

    pages = client.get_paginator("describe_scaling_activities").paginate(
        ServiceNamespace="sagemaker", PaginationConfig={"PageSize": 1}
    )
    sizes = [len(page["ScalingActivities"]) for page in pages]
    assert sizes == [1, 1, 1]
    assert client.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"] == []
    with pytest.raises(ClientError, match="InvalidToken"):
        client.describe_scaling_activities(ServiceNamespace="sagemaker", NextToken="no token")


def test_what_a_newer_decision_overrides(cloud: Cloud) -> None:
    cloud.create("hasty", model="hasty", environment={"FAKE_LOADS_UNTIL": "/never"}, wait=False)
    with pytest.raises(KeyError):
        cloud.sagemaker.scale("nobody", 1, "any")
    until(lambda: "hasty" in cloud.sagemaker.hosts)
    cloud.sagemaker.scale("hasty", 2, "one")
    cloud.sagemaker.scale("hasty", 3, "two")
    found = cloud.client("application-autoscaling").describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId="endpoint/hasty/variant/main"
    )["ScalingActivities"]
    assert [activity["StatusCode"] for activity in found] == ["InProgress", "Overridden"]
    cloud.client("sagemaker").delete_endpoint(EndpointName="hasty")
