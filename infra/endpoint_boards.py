"""The dashboard of an endpoint."""

from __future__ import annotations

from typing import Final

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from infra.board import Board, Chart, Line, Row
from infra.metrics import Statistic, metric
from infra.variant import VARIANT

HOST: Final = "/aws/sagemaker/Endpoints"
"""The namespace of the metrics of instances."""


def endpoint_board(endpoint: str, stage: EndpointStage, mode: EndpointMode, *, gpu: bool) -> Board:
    """What an endpoint has to do, how long that takes, what goes wrong, and the machines beneath.

    Args:
        endpoint: its physical name.
        stage: that it serves.
        mode: how it is called.
        gpu: its instances have one.
    """
    view = EndpointView(endpoint)
    rows = _asynchronous_rows(view) if mode == "async" else _realtime_rows(view)
    machines = _machines(view, gpu=gpu)
    return Board(f"{stage.replace('_', '-')}-{mode}", (*rows, machines))


class EndpointView:
    """Lines of one endpoint: of its queue, of its variant, of the machines beneath."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def gauge(self, name: str, label: str, statistic: Statistic = "Maximum") -> Line:
        """Of its queue, by the endpoint alone."""
        return Line(metric("AWS/SageMaker", name, statistic, EndpointName=self.endpoint), label)

    def variant(self, name: str, label: str, statistic: Statistic = "Sum") -> Line:
        """Of its one variant."""
        measured = metric("AWS/SageMaker", name, statistic, EndpointName=self.endpoint, VariantName=VARIANT)
        return Line(measured, label)

    def host(
        self, name: str, label: str, statistic: Statistic, line_id: str | None = None, *, shown: bool = True
    ) -> Line:
        """Of its instances."""
        measured = metric(HOST, name, statistic, EndpointName=self.endpoint, VariantName=VARIANT)
        return Line(measured, label, line_id, shown)


def _asynchronous_rows(view: EndpointView) -> tuple[Row, ...]:
    backlog = view.gauge("ApproximateBacklogSize", "waiting and in process")
    per_instance = view.gauge("ApproximateBacklogSizePerInstance", "per instance", "Average")
    stranded = view.gauge("HasBacklogWithoutCapacity", "work, but no instance")
    age = view.gauge("ApproximateAgeOfOldestRequest", "oldest request")
    milliseconds = (
        view.variant("TimeInBacklog", "in the backlog", "p90"),
        view.variant("TotalProcessingTime", "in all", "p90"),
    )
    microseconds = (
        view.variant("RequestDownloadLatency", "download", "p90"),
        view.variant("ModelLatency", "model", "p90"),
        view.variant("ResponseUploadLatency", "upload", "p90"),
    )
    failures = (
        view.variant("InvocationFailures", "failed"),
        view.variant("ExpiredRequests", "expired"),
        view.variant("RequestDownloadFailures", "download failed"),
        view.variant("ResponseUploadFailures", "upload failed"),
        view.variant("NotificationFailures", "notice failed"),
    )
    return (
        Row(
            f"## {view.endpoint}\nThe backlog per instance is what scaling holds at its target.",
            (
                Chart("Backlog", "requests", (backlog, per_instance)),
                Chart("Age of the oldest request", "seconds", (age,)),
                Chart("Waiting at zero instances", "1 = yes", (stranded,)),
            ),
        ),
        Row(
            "## Work\nWhere the time of a request goes, and what went wrong.",
            (
                Chart(
                    "Requests processed per minute",
                    "requests",
                    (view.variant("InvocationsProcesssed", "done"),),
                ),
                Chart("Waiting and processing, p90", "milliseconds", milliseconds),
                Chart("Latency by part, p90", "microseconds", microseconds),
                Chart("Failures and expiries per minute", "requests", failures),
            ),
        ),
    )


def _realtime_rows(view: EndpointView) -> tuple[Row, ...]:
    errors = (
        view.variant("Invocation4XXErrors", "4xx: the request"),
        view.variant("Invocation5XXErrors", "5xx: the model"),
    )
    latency = (
        view.variant("ModelLatency", "model, p50", "p50"),
        view.variant("ModelLatency", "model, p99", "p99"),
        view.variant("OverheadLatency", "SageMaker, p99", "p99"),
    )
    return (
        Row(
            f"## {view.endpoint}\nConcurrent requests per instance are what scaling holds at its target.",
            (
                Chart("Calls per minute", "requests", (view.variant("Invocations", "all"),)),
                Chart(
                    "Concurrent requests",
                    "requests",
                    (view.variant("ConcurrentRequestsPerModel", "at once", "Maximum"),),
                ),
                Chart("Latency", "microseconds", latency),
                Chart("Errors per minute", "requests", errors),
            ),
        ),
    )


def _machines(view: EndpointView, *, gpu: bool) -> Row:
    instances = view.host("CPUUtilization", "instances", "SampleCount")
    devices = (
        view.host("GPUUtilization", "GPU", "Average"),
        view.host("GPUMemoryUtilization", "memory of the GPU", "Average"),
    )
    cpu = (
        view.host("CPUUtilization", "CPU, all cores", "Average"),
        view.host("MemoryUtilization", "memory", "Average"),
        view.host("DiskUtilization", "disk", "Average"),
    )
    return Row(
        "## Machines\nEach instance reports once a minute, so the reports of a minute count the instances.",
        (
            Chart("Instances", "instances", (instances,)),
            *((Chart("GPU", "percent, summed over devices", devices),) if gpu else ()),
            Chart("CPU, memory and disk", "percent", cpu),
        ),
    )
