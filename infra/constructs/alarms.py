"""Alarms that tell somebody, and where the runbook stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.deployment import Deployment, camel
from infra.metrics import Metric

__all__ = ["AlarmSpec", "alarm"]

Runbook = Literal[
    "dead-letters", "endpoint-errors", "expired-requests", "failed-documents", "no-capacity", "stuck-work"
]
"""Each is a page docs/runbooks/NAME.md."""


@dataclass(frozen=True)
class AlarmSpec:
    """When to raise an alarm: `metric` is at least `threshold` in `periods` periods in a row.

    Attributes:
        name: in the deployment.
        meaning: one sentence for who is woken.
        period_seconds: of one data point.
        missing_is_bad: whether silence counts as a breach; else it counts as healthy.
    """

    name: str
    meaning: str
    metric: Metric
    threshold: float
    runbook: Runbook
    periods: int = 1
    period_seconds: int = 300
    missing_is_bad: bool = False


def alarm(scope: Construct, deployment: Deployment, spec: AlarmSpec) -> cloudwatch.CfnAlarm:
    """An alarm that publishes to the topic of the alarms when it begins and when it ends."""
    names = deployment.names
    topic = names.arn("sns", names.topic("alarms"))
    metric, runbooks = spec.metric, deployment.settings.stage.alarms.runbooks
    percentile = metric.statistic.startswith("p")
    return cloudwatch.CfnAlarm(
        scope,
        camel(spec.name),
        alarm_name=f"{names.prefix}-{spec.name}",
        alarm_description=f"{spec.meaning} Runbook: {runbooks}/{spec.runbook}.md",
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
            for name, value in sorted(metric.dimensions.items())
        ],
        statistic=None if percentile else metric.statistic,
        extended_statistic=metric.statistic if percentile else None,
        period=spec.period_seconds,
        evaluation_periods=spec.periods,
        datapoints_to_alarm=spec.periods,
        threshold=spec.threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="breaching" if spec.missing_is_bad else "notBreaching",
        alarm_actions=[topic],
        ok_actions=[topic],
    )
