"""What a stage costs while nothing happens: every resource of its templates that is paid without traffic."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from autoscaling.prices import Prices
from infra.rules import Component, Resource
from topology import load_topology

__all__ = ["IdleCost", "idle_costs"]

_HOURS: Final = 730
"""Of a month, as AWS counts them."""
_MINUTES: Final = _HOURS * 60
_MILLION: Final = 1e6

_POLLS_A_MINUTE: Final = 15
"""Of an idle queue that feeds a function: five connections, each of which waits for twenty seconds.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""
_IDLE_SECONDS: Final = 1.0
"""Of a function that the clock calls and that finds nothing to do; an estimate."""
_IDLE_METRICS: Final = 8
"""Metrics that sweep counts each minute, whatever it finds (lambdas/sweep/handler.py, and HandlerSeconds)."""
_IMAGE_GB: Final = {"light": 0.2, "heavy": 0.35, "cpu": 0.4, "gpu": 3.5}
"""Compressed, estimated; endpoints share the layers of their target. Images of earlier deployments add up."""


@dataclass(frozen=True)
class IdleCost:
    """One line of what a month without traffic costs.

    Attributes:
        what: the kind of resource, and which.
        units: of it in a month.
        per: the unit that `price` is of.
        price: dollars for a unit.
        dated: when the price was written down.
        source: where it stands.
    """

    what: str
    units: float
    per: str
    price: float
    dated: datetime.date
    source: str

    @property
    def dollars(self) -> float:
        """Of a month."""
        return self.units * self.price


def idle_costs(component: Component, prices: Prices) -> list[IdleCost]:
    """What is paid without traffic, dearest first; buckets, queues, topics and tables that rest cost nothing.

    Args:
        component: the synthesised templates.
        prices: as autoscaling/prices.toml has them.

    Raises:
        ConfigurationError: the prices lack one that is needed.
    """
    kinds = (_instances, _interfaces, _observation, _keys, _clock, _polling, _images)
    found = [cost for kind in kinds for cost in kind(component, prices)]
    return sorted((cost for cost in found if cost.units), key=lambda cost: -cost.dollars)


def _of(prices: Prices, service: str, what: str, units: float) -> IdleCost:
    price = prices.service(service)
    return IdleCost(what, units, price.per, price.dollars, price.dated, price.source)


def _instances(component: Component, prices: Prices) -> Iterator[IdleCost]:
    """Instances that an endpoint never goes below; schedules are left out."""
    configs = {
        resource.id: resource.properties for resource in component.of("AWS::SageMaker::EndpointConfig")
    }
    types = {
        endpoint.name: configs[endpoint.properties["EndpointConfigName"].partition(".")[0]][
            "ProductionVariants"
        ][0]["InstanceType"]
        for endpoint in component.of("AWS::SageMaker::Endpoint")
    }
    least: Counter[str] = Counter()
    for target in component.of("AWS::ApplicationAutoScaling::ScalableTarget"):
        least[types[target.properties["ResourceId"].split("/")[1]]] += target.properties["MinCapacity"]
    for name, instances in least.items():
        price = prices.dollars(name, 3_600)
        what = f"instances that never sleep: {instances} {name}"
        yield IdleCost(what, instances * _HOURS, "hour", price, prices.dated, prices.source)


def _interfaces(component: Component, prices: Prices) -> Iterator[IdleCost]:
    endpoints = [
        resource
        for resource in component.of("AWS::EC2::VPCEndpoint")
        if resource.properties.get("VpcEndpointType") == "Interface"
    ]
    places = sum(len(resource.properties["SubnetIds"]) for resource in endpoints)
    what = f"interface endpoints: {len(endpoints)} in {places // max(1, len(endpoints))} zones"
    yield _of(prices, "interface endpoint", what, places * _HOURS)


def _observation(component: Component, prices: Prices) -> Iterator[IdleCost]:
    boards = list(component.of("AWS::CloudWatch::Dashboard"))
    yield _of(prices, "dashboard", f"dashboards: {len(boards)}", len(boards))
    alarms = list(component.of("AWS::CloudWatch::Alarm"))
    watched = sum(_watched(alarm) for alarm in alarms)
    yield _of(prices, "alarm", f"alarms: {len(alarms)} on {watched} metrics", watched)
    # Target tracking keeps two alarms of its own for each policy.
    own = [
        resource.properties["TargetTrackingScalingPolicyConfiguration"]
        for resource in component.of("AWS::ApplicationAutoScaling::ScalingPolicy")
        if resource.properties["PolicyType"] == "TargetTrackingScaling"
    ]
    fast = sum("HighResolution" in str(resource.get("PredefinedMetricSpecification")) for resource in own)
    slow = len(own) - fast
    yield _of(prices, "alarm", f"alarms that target tracking makes: {2 * slow}", 2 * slow)
    yield _of(
        prices, "alarm of 10 seconds", f"alarms that target tracking makes, of 10 s: {2 * fast}", 2 * fast
    )


def _watched(alarm: Resource) -> int:
    queries = alarm.properties.get("Metrics")
    return 1 if queries is None else sum("MetricStat" in query for query in queries)


def _keys(component: Component, prices: Prices) -> Iterator[IdleCost]:
    keys = len(list(component.of("AWS::KMS::Key")))
    yield _of(prices, "key", f"keys: {keys}", keys)


def _clock(component: Component, prices: Prices) -> Iterator[IdleCost]:
    """What the clock calls: the function itself, its traces, and the metrics it counts each time."""
    functions = {resource.name: resource.properties for resource in component.of("AWS::Lambda::Function")}
    for resource in component.of("AWS::Events::Rule"):
        if resource.properties.get("ScheduleExpression") != "rate(1 minute)":
            continue
        name = resource.properties["Targets"][0]["Arn"].rpartition(":")[2]
        short = name.removeprefix(f"{component.prefix}-")
        seconds = _MINUTES * _IDLE_SECONDS * functions[name]["MemorySize"] / 1024
        yield _of(prices, "function time", f"{short}, each minute: time", seconds / _MILLION)
        yield _of(prices, "function requests", f"{short}, each minute: requests", _MINUTES / _MILLION)
        yield _of(prices, "traces", f"{short}, each minute: traces", _MINUTES / _MILLION)
        yield _of(prices, "custom metric", f"{short}, each minute: {_IDLE_METRICS} metrics", _IDLE_METRICS)


def _polling(component: Component, prices: Prices) -> Iterator[IdleCost]:
    sources = len(list(component.of("AWS::Lambda::EventSourceMapping")))
    polls = sources * _POLLS_A_MINUTE * _MINUTES / _MILLION
    yield _of(prices, "queue requests", f"functions that ask {sources} queues for work", polls)


def _images(component: Component, prices: Prices) -> Iterator[IdleCost]:
    variants = [
        variant
        for config in component.of("AWS::SageMaker::EndpointConfig")
        for variant in config.properties["ProductionVariants"]
    ]
    endpoints = {"gpu" if variant.get("InferenceAmiVersion") else "cpu" for variant in variants}
    images = sorted({function.image for function in load_topology().functions.values()} | endpoints)
    size = sum(_IMAGE_GB[name] for name in images)
    yield _of(prices, "image storage", f"images: {', '.join(images)} (estimated)", size)
