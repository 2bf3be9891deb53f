"""Rules of the model endpoints and of how they scale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from autoscaling.policies import METRICS
from infra.rules.component import Component, Resource
from infra.rules.registry import rule

_PINNED: Final = re.compile(r"^s3://[^/]+/models/[^/]+/[^/]+/[0-9a-f]{64}/model\.tar\.gz$")
_GPUS: Final = re.compile(r"^ml\.[gp]\d")
"""Families of instances with GPUs."""
_PREDEFINED: Final = {
    "SageMakerVariantInvocationsPerInstance": "InvocationsPerInstance",
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": "ConcurrentRequestsPerModel",
}


@rule
def containers_are_isolated(component: Component) -> Iterator[str]:
    """Every model runs with network isolation, and in the network of the functions where they have one."""
    configs = [told.properties.get("VpcConfig", {}) for told in component.of("AWS::Lambda::Function")]
    network = {subnet for config in configs for subnet in config.get("SubnetIds", ())}
    for model in component.of("AWS::SageMaker::Model"):
        subnets = model.properties.get("VpcConfig", {}).get("Subnets", ())
        if not model.properties.get("EnableNetworkIsolation") or set(subnets) != network:
            yield str(model)


@rule
def artifacts_are_pinned(component: Component) -> Iterator[str]:
    """Every artefact that a model has lies under its sha256."""
    for model in component.of("AWS::SageMaker::Model"):
        url = model.properties["PrimaryContainer"].get("ModelDataUrl")
        if url is not None and not _PINNED.match(url):
            yield str(model)


@rule
def asynchronous_output_is_encrypted(component: Component) -> Iterator[str]:
    """What an asynchronous endpoint writes is encrypted with the component's key."""
    for config in component.of("AWS::SageMaker::EndpointConfig"):
        told = config.properties.get("AsyncInferenceConfig")
        if told is not None and not told["OutputConfig"].get("KmsKeyId"):
            yield str(config)


@rule
def asynchronous_endpoints_notify(component: Component) -> Iterator[str]:
    """An asynchronous endpoint tells topics that exist of success and of failure."""
    topics = {component.arn(topic) for topic in component.of("AWS::SNS::Topic")}
    for config in component.of("AWS::SageMaker::EndpointConfig"):
        if told := config.properties.get("AsyncInferenceConfig"):
            named = told["OutputConfig"].get("NotificationConfig", {})
            if not {named.get("SuccessTopic"), named.get("ErrorTopic")} <= topics:
                yield str(config)


@rule
def pages_are_not_captured(component: Component) -> Iterator[str]:
    """No endpoint keeps copies of what it is sent: data capture is off."""
    for config in component.of("AWS::SageMaker::EndpointConfig"):
        if config.properties.get("DataCaptureConfig", {}).get("EnableCapture"):
            yield str(config)


@rule
def drivers_are_chosen(component: Component) -> Iterator[str]:
    """A variant names the InferenceAmiVersion, which its image's CUDA needs, if and only if it has GPUs."""
    for config in component.of("AWS::SageMaker::EndpointConfig"):
        for told in config.properties["ProductionVariants"]:
            if bool(told.get("InferenceAmiVersion")) != bool(_GPUS.match(told["InstanceType"])):
                yield str(config)


@rule
def updates_roll_back(component: Component) -> Iterator[str]:
    """Every endpoint is updated blue to green, and goes back when an alarm that exists is raised."""
    alarms = {alarm.name for alarm in component.of("AWS::CloudWatch::Alarm")}
    for endpoint in component.of("AWS::SageMaker::Endpoint"):
        told = endpoint.properties.get("DeploymentConfig", {})
        named = {alarm["AlarmName"] for alarm in told.get("AutoRollbackConfiguration", {}).get("Alarms", ())}
        if "BlueGreenUpdatePolicy" not in told or not named or not named <= alarms:
            yield str(endpoint)


@rule
def endpoints_scale(component: Component) -> Iterator[str]:
    """Every endpoint has a scalable target, whose least is not above its most."""
    bounds = {_endpoint_of(target): target.properties for target in component.of(_TARGET)}
    for endpoint in component.of("AWS::SageMaker::Endpoint"):
        told = bounds.get(endpoint.name)
        if told is None or told["MinCapacity"] > told["MaxCapacity"]:
            yield str(endpoint)


@rule
def scaling_follows_what_is_published(component: Component) -> Iterator[str]:
    """Asynchronous endpoints follow their backlog per instance, real-time ones their requests."""
    modes = component.endpoint_modes
    for target, policies in _policies(component):
        mode = modes[_endpoint_of(target)]
        followed = [_metric(policy) for policy in policies if _tracks(policy)]
        if not followed or not set(followed) <= set(METRICS[mode]):
            yield str(target)


@rule
def sleepers_can_wake(component: Component) -> Iterator[str]:
    """What may go to zero instances has a step policy, fired by an alarm on a backlog without capacity."""
    fired = {
        (action, dimension["Value"])
        for alarm in component.of("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == "HasBacklogWithoutCapacity"
        for action in alarm.properties.get("AlarmActions", ())
        for dimension in alarm.properties["Dimensions"]
    }
    for target, policies in _policies(component):
        steps = {f"{policy.id}.Arn" for policy in policies if not _tracks(policy)}
        if _lowest(target) == 0 and not any((step, _endpoint_of(target)) in fired for step in steps):
            yield str(target)


_TARGET: Final = "AWS::ApplicationAutoScaling::ScalableTarget"


def _policies(component: Component) -> Iterator[tuple[Resource, list[Resource]]]:
    policies = list(component.of("AWS::ApplicationAutoScaling::ScalingPolicy"))
    for target in component.of(_TARGET):
        reference = f"{target.id}.Ref"
        yield target, [policy for policy in policies if policy.properties.get("ScalingTargetId") == reference]


def _endpoint_of(target: Resource) -> str:
    return str(target.properties["ResourceId"]).split("/")[1]


def _lowest(target: Resource) -> int:
    schedules = target.properties.get("ScheduledActions", ())
    bounds = [schedule["ScalableTargetAction"]["MinCapacity"] for schedule in schedules]
    return int(min([target.properties["MinCapacity"], *bounds]))


def _tracks(policy: Resource) -> bool:
    return bool(policy.properties["PolicyType"] == "TargetTrackingScaling")


def _metric(policy: Resource) -> str:
    told: dict[str, Any] = policy.properties["TargetTrackingScalingPolicyConfiguration"]
    if "CustomizedMetricSpecification" in told:
        return str(told["CustomizedMetricSpecification"]["MetricName"])
    predefined = told["PredefinedMetricSpecification"]["PredefinedMetricType"]
    return _PREDEFINED.get(predefined, str(predefined))
