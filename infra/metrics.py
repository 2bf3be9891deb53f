"""Every metric that a dashboard or an alarm may use: AWS publishes it for that resource, or our code does.

`metric` refuses any other, so a chart that would stay empty is refused at synthesis. Sources:
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hybrid_ocr.contracts.jobs import EndpointMode
from hybrid_ocr.contracts.names import METRICS

__all__ = ["ONE_KIND", "OWN", "PUBLISHED", "Metric", "Statistic", "is_published", "metric"]

Statistic = Literal["Sum", "Average", "Maximum", "Minimum", "SampleCount", "p50", "p90", "p99"]
Unit = Literal["Count", "Seconds", "Milliseconds", "Microseconds", "Percent", "Bytes", "None"]
Dimensions = tuple[str, ...]
Endpoints = Mapping[str, EndpointMode]

OWN: Final = METRICS
"""The namespace of what our functions emit, without the stage behind it; `service` names the function."""

PUBLISHED: Final[Mapping[tuple[str, Dimensions], Mapping[str, Unit]]] = {
    ("AWS/SageMaker", ("EndpointName",)): {
        "ApproximateAgeOfOldestRequest": "Seconds",
        "ApproximateBacklogSize": "Count",
        "ApproximateBacklogSizePerInstance": "Count",
        "HasBacklogWithoutCapacity": "Count",
    },
    ("AWS/SageMaker", ("EndpointName", "VariantName")): {
        "ConcurrentRequestsPerModel": "Count",
        "ExpiredRequests": "Count",
        "Invocation4XXErrors": "Count",
        "Invocation5XXErrors": "Count",
        "InvocationFailures": "Count",
        "Invocations": "Count",
        "InvocationsPerInstance": "Count",
        "InvocationsProcesssed": "Count",  # as AWS spells it
        "ModelLatency": "Microseconds",
        "NotificationFailures": "Count",
        "OverheadLatency": "Microseconds",
        "RequestDownloadFailures": "Count",
        "RequestDownloadLatency": "Microseconds",
        "ResponseUploadFailures": "Count",
        "ResponseUploadLatency": "Microseconds",
        "TimeInBacklog": "Milliseconds",
        "TotalProcessingTime": "Milliseconds",
    },
    ("/aws/sagemaker/Endpoints", ("EndpointName", "VariantName")): {
        "CPUUtilization": "Percent",
        "DiskUtilization": "Percent",
        "GPUMemoryUtilization": "Percent",
        "GPUUtilization": "Percent",
        "MemoryUtilization": "Percent",
    },
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateAgeOfOldestMessage": "Seconds",
        "ApproximateNumberOfMessagesNotVisible": "Count",
        "ApproximateNumberOfMessagesVisible": "Count",
        "NumberOfMessagesDeleted": "Count",
        "NumberOfMessagesSent": "Count",
    },
    ("AWS/States", ("StateMachineArn",)): {
        "ExecutionThrottled": "Count",
        "ExecutionTime": "Milliseconds",
        "ExecutionsAborted": "Count",
        "ExecutionsFailed": "Count",
        "ExecutionsStarted": "Count",
        "ExecutionsSucceeded": "Count",
        "ExecutionsTimedOut": "Count",
    },
    ("AWS/Lambda", ("FunctionName",)): {
        "ConcurrentExecutions": "Count",
        "DeadLetterErrors": "Count",
        "Duration": "Milliseconds",
        "Errors": "Count",
        "Invocations": "Count",
        "Throttles": "Count",
    },
    ("AWS/Events", ("EventBusName", "RuleName")): {
        "FailedInvocations": "Count",
        "Invocations": "Count",
        "InvocationsSentToDlq": "Count",
        "MatchedEvents": "Count",
    },
    (OWN, ("code", "service")): {
        "DocumentsRejected": "Count",
        "MessagesReturned": "Count",
        "TasksFailed": "Count",
    },
    (OWN, ("done", "service", "stage")): {"Dispatches": "Count"},
    (OWN, ("function_name", "service")): {"ColdStart": "Count"},  # by powertools
    (OWN, ("end", "service")): {"TicketsSettled": "Count"},
    (OWN, ("outcome", "service", "source")): {"DocumentsEnded": "Count"},
    (OWN, ("repair", "service")): {"ExecutionsBrokenOff": "Count"},
    (OWN, ("service",)): {
        "AdmissionsFailed": "Count",
        "DocumentsAccepted": "Count",
        "DuplicateEvents": "Count",
        "ExpiredTickets": "Count",
        "FoldersIgnored": "Count",
        "HandlerSeconds": "Seconds",
        "JobsRepaired": "Count",
        "JobsRunning": "Count",
        "JobsUnrepaired": "Count",
        "NoticesInVain": "Count",
        "OldestTicketSeconds": "Seconds",
        "OldestWaitingJobSeconds": "Seconds",
        "OpenTickets": "Count",
        "PagesPlanned": "Count",
        "PagesPlannedAgain": "Count",
        "RecoveredTickets": "Count",
        "StaleTokens": "Count",
        "SweepsCutShort": "Count",
        "UnsettledTickets": "Count",
    },
}
"""Unit by name, by namespace and dimensions."""

ONE_KIND: Final[Mapping[EndpointMode, frozenset[str]]] = {
    "async": frozenset(
        {
            "ApproximateAgeOfOldestRequest",
            "ApproximateBacklogSize",
            "ApproximateBacklogSizePerInstance",
            "ExpiredRequests",
            "HasBacklogWithoutCapacity",
            "InvocationFailures",
            "InvocationsProcesssed",
            "NotificationFailures",
            "RequestDownloadFailures",
            "RequestDownloadLatency",
            "ResponseUploadFailures",
            "ResponseUploadLatency",
            "TimeInBacklog",
            "TotalProcessingTime",
        }
    ),
    "realtime": frozenset(
        {
            "ConcurrentRequestsPerModel",
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "Invocations",
            "InvocationsPerInstance",
            "OverheadLatency",
        }
    ),
}
"""What only one kind of endpoint has: a policy or an alarm on the other's would never see a value."""


@dataclass(frozen=True)
class Metric:
    """A metric of one resource, and how its values are summed up over a period."""

    namespace: str
    name: str
    unit: Unit
    statistic: Statistic
    dimensions: Mapping[str, str]


def metric(namespace: str, name: str, statistic: Statistic, **dimensions: str) -> Metric:
    """A metric of the list.

    Raises:
        LookupError: nothing publishes it with these dimensions.
    """
    published = _published(namespace, dimensions)
    if name not in published:
        raise LookupError(f"nothing publishes {namespace}/{name} by {', '.join(sorted(dimensions))}")
    return Metric(namespace, name, published[name], statistic, dimensions)


def is_published(namespace: str, name: str, dimensions: Mapping[str, str], endpoints: Endpoints) -> bool:
    """Whether a metric can have values.

    Args:
        endpoints: the kind of each endpoint, by its name.
    """
    if name not in _published(namespace, dimensions):
        return False
    if "EndpointName" not in dimensions:
        return True
    mode = endpoints.get(dimensions["EndpointName"])
    others: Collection[str] = ONE_KIND["realtime" if mode == "async" else "async"]
    return mode is not None and (namespace != "AWS/SageMaker" or name not in others)


def _published(namespace: str, dimensions: Mapping[str, str]) -> Mapping[str, Unit]:
    """Unit by name of what is published so; a namespace of ours has the stage behind a slash."""
    known = OWN if namespace.startswith(f"{OWN}/") else namespace
    return PUBLISHED.get((known, tuple(sorted(dimensions))), {})
