"""EventBridge rules: events into queues, the clock into functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.deployment import Deployment, camel
from topology import Names
from topology.model import Rule

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
                event_pattern=_resolved(json.loads(told.pattern), names) if told.pattern else None,
                schedule_expression=told.schedule,
                targets=[
                    events.CfnRule.TargetProperty(
                        id="target",
                        arn=_target(told, names),
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                            arn=names.arn("sqs", names.dead_letter_queue(told.target_queue or "functions"))
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


def _target(rule: Rule, names: Names) -> str:
    if rule.target_queue is not None:
        return names.arn("sqs", names.queue(rule.target_queue))
    return names.arn("lambda", f"function:{names.function(str(rule.target_function))}")


def _resolved(value: Any, names: Names) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _resolved(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, names) for part in value]
    return names.resolve(value) if isinstance(value, str) else value
