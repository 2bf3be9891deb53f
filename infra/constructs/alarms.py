"""Alarms that tell somebody, and where the runbook stands."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import AlarmSpec
from infra.deployment import Deployment, camel

__all__ = ["alarm"]


def alarm(scope: Construct, deployment: Deployment, spec: AlarmSpec) -> cloudwatch.CfnAlarm:
    """An alarm that publishes to the topic of the alarms when it begins and when it ends."""
    names, told = deployment.names, spec.metric
    topic = names.arn("sns", names.topic("alarms"))
    runbook = f"{deployment.settings.stage.alarms.runbooks}/{spec.runbook}.md"
    return cloudwatch.CfnAlarm(
        scope,
        camel(spec.name, "alarm"),
        alarm_name=f"{names.prefix}-{spec.name}",
        alarm_description=f"{spec.meaning} Runbook: {runbook}",
        namespace=told.namespace,
        metric_name=told.name,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
            for name, value in sorted(told.dimensions.items())
        ],
        statistic=told.statistic,
        period=spec.period_seconds,
        evaluation_periods=spec.periods,
        datapoints_to_alarm=spec.periods,
        threshold=spec.threshold,
        comparison_operator="LessThanThreshold" if spec.below else "GreaterThanOrEqualToThreshold",
        treat_missing_data="breaching" if spec.silence_is_wrong else "notBreaching",
        alarm_actions=[topic],
        ok_actions=[topic],
    )
