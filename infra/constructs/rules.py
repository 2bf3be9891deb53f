"""EventBridge rules: events into queues, the clock into functions."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.deployment import Deployment, camel

__all__ = ["Rules"]


class Rules(Construct):
    """The rules of the topology; each target has a dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        deployment: Deployment,
        functions: Mapping[str, lambda_.CfnFunction],
    ) -> None:
        super().__init__(scope, name)
        names = deployment.names
        for rule, told in deployment.topology.rules.items():
            made = events.CfnRule(
                self,
                camel(rule),
                name=names.rule(rule),
                event_bus_name=names.bus(told.bus),
                event_pattern=told.event_pattern(names),
                schedule_expression=told.schedule,
                targets=[
                    events.CfnRule.TargetProperty(
                        id="target",
                        arn=told.target_arn(names),
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                            arn=names.arn("sqs", names.dead_letter_queue(told.dead_letter_queue))
                        ),
                    )
                ],
            )
            if told.target_function is not None:
                lambda_.CfnPermission(
                    self,
                    camel(rule, "permission"),
                    action="lambda:InvokeFunction",
                    function_name=functions[told.target_function].ref,
                    principal="events.amazonaws.com",
                    source_arn=made.attr_arn,
                )
