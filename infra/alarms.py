"""When somebody is told, as data: what is watched, from where on it is wrong, and which runbook helps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from infra.metrics import Metric, metric
from infra.variant import VARIANT
from topology import Topology

if TYPE_CHECKING:
    from infra.deployment import Deployment

__all__ = ["AlarmSpec", "Runbook", "alarm_specs", "dead_letter_queues", "endpoint_errors"]

Runbook = Literal[
    "dead-letters",
    "endpoint-errors",
    "expired-requests",
    "failed-documents",
    "function-errors",
    "no-capacity",
    "stuck-work",
    "sweep-silent",
]
"""Each is a page docs/runbooks/NAME.md."""

_OLD_MESSAGE_SECONDS: Final = 900
_OLD_TICKET_SECONDS: Final = 4 * 3_600
"""Beyond any time that a healthy asynchronous endpoint needs to wake up and work off its queue."""
_OLD_JOB_SECONDS: Final = 12 * 3_600
"""Beyond what a nightly batch waits for its slots."""


@dataclass(frozen=True)
class AlarmSpec:
    """An alarm: `metric` has crossed `threshold` in each of `periods` periods in a row.

    Attributes:
        name: in the deployment.
        meaning: one sentence for who is woken.
        below: it is wrong to be below the threshold; else to be at it or above.
        period_seconds: of one data point.
    """

    name: str
    meaning: str
    metric: Metric
    threshold: float
    runbook: Runbook
    below: bool = False
    periods: int = 1
    period_seconds: int = 300

    @property
    def silence_is_wrong(self) -> bool:
        """Whether missing data counts as crossing: what is never reported is below every threshold."""
        return self.below


def dead_letter_queues(topology: Topology) -> tuple[str, ...]:
    """Those of the topology, and that of e-mails which could not be sent."""
    return (*topology.dead_letter_queues, "alarms")


def endpoint_errors(deployment: Deployment, stage: EndpointStage, mode: EndpointMode) -> AlarmSpec:
    """The alarm that also takes an update of the endpoint back."""
    endpoint = deployment.endpoint(stage, mode)
    name = "InvocationFailures" if mode == "async" else "Invocation5XXErrors"
    return AlarmSpec(
        name=f"{stage.replace('_', '-')}-{mode}-errors",
        meaning=f"Endpoint {endpoint} fails requests.",
        metric=metric("AWS/SageMaker", name, "Sum", EndpointName=endpoint, VariantName=VARIANT),
        threshold=5,
        periods=2,
        period_seconds=60,
        runbook="endpoint-errors",
    )


def alarm_specs(deployment: Deployment) -> list[AlarmSpec]:
    """All alarms of a deployment but those of its endpoints' errors, which stand beside the endpoints."""
    return [
        *_dead_letters(deployment),
        *_documents(deployment),
        *_functions(deployment),
        *_asynchronous_endpoints(deployment),
    ]


def _dead_letters(deployment: Deployment) -> Iterator[AlarmSpec]:
    for name in dead_letter_queues(deployment.topology):
        queue = deployment.names.dead_letter_queue(name)
        yield AlarmSpec(
            name=f"{name}-dead-letters",
            meaning=f"Queue {queue} holds what could not be delivered or handled.",
            metric=metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=queue),
            threshold=1,
            runbook="dead-letters",
        )


def _documents(deployment: Deployment) -> Iterator[AlarmSpec]:
    names = deployment.names
    machine = names.arn("states", f"stateMachine:{names.state_machine('documents')}")
    for ending in ("Failed", "TimedOut"):
        yield AlarmSpec(
            name=f"documents-{ending.lower()}",
            meaning="Documents could not be read.",
            metric=metric("AWS/States", f"Executions{ending}", "Sum", StateMachineArn=machine),
            threshold=1,
            runbook="failed-documents",
        )
    for name in deployment.topology.queues:
        queue = names.queue(name)
        yield AlarmSpec(
            name=f"{name}-waiting",
            meaning=f"Messages of queue {queue} wait longer than {_OLD_MESSAGE_SECONDS // 60} minutes.",
            metric=metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=queue),
            threshold=_OLD_MESSAGE_SECONDS,
            runbook="stuck-work",
        )
    yield AlarmSpec(
        name="oldest-ticket",
        meaning=f"A state has waited longer than {_OLD_TICKET_SECONDS // 3_600} hours for an endpoint.",
        metric=metric(names.metrics_namespace, "OldestTicketSeconds", "Maximum", service="sweep"),
        threshold=_OLD_TICKET_SECONDS,
        runbook="stuck-work",
    )
    yield AlarmSpec(
        name="oldest-waiting-job",
        meaning=f"A job has waited longer than {_OLD_JOB_SECONDS // 3_600} hours to start.",
        metric=metric(names.metrics_namespace, "OldestWaitingJobSeconds", "Maximum", service="sweep"),
        threshold=_OLD_JOB_SECONDS,
        runbook="stuck-work",
    )
    yield AlarmSpec(
        name="sweep-silent",
        meaning="Sweep has not run: lost notices are not made up for, and states will time out.",
        metric=metric(names.metrics_namespace, "OpenTickets", "SampleCount", service="sweep"),
        threshold=1,
        below=True,
        runbook="sweep-silent",
    )


def _functions(deployment: Deployment) -> Iterator[AlarmSpec]:
    for name in deployment.topology.functions:
        function = deployment.names.function(name)
        yield AlarmSpec(
            name=f"{name}-errors",
            meaning=f"Function {function} fails again and again.",
            metric=metric("AWS/Lambda", "Errors", "Sum", FunctionName=function),
            threshold=5,
            periods=3,
            runbook="function-errors",
        )


def _asynchronous_endpoints(deployment: Deployment) -> Iterator[AlarmSpec]:
    for stage, mode in deployment.endpoints:
        if mode != "async":
            continue
        endpoint, short = deployment.endpoint(stage, mode), stage.replace("_", "-")
        yield AlarmSpec(
            name=f"{short}-no-capacity",
            meaning=f"Requests wait for {endpoint}, and no instance has come for 20 minutes.",
            metric=metric("AWS/SageMaker", "HasBacklogWithoutCapacity", "Minimum", EndpointName=endpoint),
            threshold=1,
            periods=4,
            runbook="no-capacity",
        )
        yield AlarmSpec(
            name=f"{short}-expired",
            meaning=f"Requests to {endpoint} expired before an instance took them.",
            metric=metric(
                "AWS/SageMaker", "ExpiredRequests", "Sum", EndpointName=endpoint, VariantName=VARIANT
            ),
            threshold=1,
            runbook="expired-requests",
        )
