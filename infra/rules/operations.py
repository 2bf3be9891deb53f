"""Rules of alarms and dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from infra.metrics import is_published
from infra.rules.component import Component, Resource
from infra.rules.registry import rule

_RUNBOOK: Final = re.compile(r"Runbook: https://\S+/docs/runbooks/[a-z-]+\.md$")


@rule
def alarms_act(component: Component) -> Iterator[str]:
    """Every alarm has an action."""
    return (str(alarm) for alarm in _alarms(component) if not alarm.properties.get("AlarmActions"))


@rule
def alarms_have_a_runbook(component: Component) -> Iterator[str]:
    """Every alarm that tells people says which runbook to open."""
    topics = {component.arn(topic) for topic in component.of("AWS::SNS::Topic")}
    for alarm in _alarms(component):
        tells_people = topics & set(alarm.properties.get("AlarmActions", ()))
        if tells_people and not _RUNBOOK.search(alarm.properties.get("AlarmDescription", "")):
            yield str(alarm)


@rule
def alarmed_metrics_exist(component: Component) -> Iterator[str]:
    """Every alarm watches a metric that AWS publishes for its resource or that our code emits."""
    for alarm in _alarms(component):
        for told in _watched(alarm):
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in told.get("Dimensions", ())}
            if not is_published(told["Namespace"], told["MetricName"], dimensions, component.endpoint_modes):
                yield str(alarm)


@rule
def charted_metrics_exist(component: Component) -> Iterator[str]:
    """Every chart shows metrics that AWS publishes for their resource or that our code emits."""
    for board in component.of("AWS::CloudWatch::Dashboard"):
        for namespace, name, dimensions in charted(json.loads(board.properties["DashboardBody"])):
            if not is_published(namespace, name, dimensions, component.endpoint_modes):
                yield f"{board}: {name}"


def charted(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric of a dashboard."""
    for widget in body["widgets"]:
        for namespace, *rest in widget["properties"].get("metrics", ()):
            if isinstance(namespace, str):
                name, *pairs, _ = rest
                yield namespace, name, dict(zip(pairs[::2], pairs[1::2], strict=True))


def _watched(alarm: Resource) -> list[dict[str, Any]]:
    """The metrics of an alarm: its own, or those that its expression is made of."""
    queries = alarm.properties.get("Metrics")
    if queries is None:
        return [dict(alarm.properties)]
    return [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query]


def _alarms(component: Component) -> Iterator[Resource]:
    return component.of("AWS::CloudWatch::Alarm")
