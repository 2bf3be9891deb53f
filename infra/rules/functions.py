"""Rules of the Lambda functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from infra.rules.component import Component
from infra.rules.registry import rule


@rule
def functions_are_bounded(component: Component) -> Iterator[str]:
    """Every function has reserved concurrency, so that none starves another."""
    for function in component.of("AWS::Lambda::Function"):
        if function.properties.get("ReservedConcurrentExecutions", 0) < 1:
            yield str(function)


@rule
def functions_are_traced(component: Component) -> Iterator[str]:
    """Every function is traced by X-Ray."""
    for function in component.of("AWS::Lambda::Function"):
        if function.properties.get("TracingConfig", {}).get("Mode") != "Active":
            yield str(function)


@rule
def functions_have_dead_letters(component: Component) -> Iterator[str]:
    """Every function has a dead-letter queue for events that it was called with asynchronously."""
    queues = {component.arn(queue) for queue in component.of("AWS::SQS::Queue")}
    for function in component.of("AWS::Lambda::Function"):
        if function.properties.get("DeadLetterConfig", {}).get("TargetArn") not in queues:
            yield str(function)


@rule
def roles_are_not_shared(component: Component) -> Iterator[str]:
    """Every function and every endpoint has a role of its own."""
    users = [
        (str(resource), resource.properties[key])
        for kind, key in (("AWS::Lambda::Function", "Role"), ("AWS::SageMaker::Model", "ExecutionRoleArn"))
        for resource in component.of(kind)
    ]
    times = Counter(role for _, role in users)
    return (user for user, role in users if times[role] > 1)
