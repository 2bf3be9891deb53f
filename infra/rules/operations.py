"""Rules of alarms and dashboards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from infra.metrics import PUBLISHED
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
        told = alarm.properties
        dimensions = tuple(sorted(dimension["Name"] for dimension in told.get("Dimensions", ())))
        if told.get("MetricName") not in PUBLISHED.get((told.get("Namespace", ""), dimensions), {}):
            yield str(alarm)


def _alarms(component: Component) -> Iterator[Resource]:
    return component.of("AWS::CloudWatch::Alarm")
