"""What operators see: the pipeline at a glance, each endpoint, and what it all costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from hybrid_ocr.contracts.events import EVENT_SOURCE
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.names import Names
from infra.alarms import dead_letter_queues
from infra.board import Board, Chart, Expression, Line, Row
from infra.endpoint_boards import EndpointView, endpoint_board
from infra.metrics import Statistic, metric
from topology import Topology

if TYPE_CHECKING:
    from infra.deployment import Deployment

__all__ = ["Observed", "dashboards", "operations"]

_HOUR: Final = 3_600
_OUTCOMES: Final = {
    "DocumentCompleted": "accepted",
    "DocumentNeedsReview": "for review",
    "DocumentFailed": "failed",
}


class Observed(Protocol):
    """What is looked at: a deployment by its names and parts."""

    @property
    def names(self) -> Names:
        """Physical names."""

    @property
    def topology(self) -> Topology:
        """What the component consists of."""

    @property
    def endpoints(self) -> Sequence[tuple[EndpointStage, EndpointMode]]:
        """Every endpoint there is."""

    def has_gpu(self, stage: EndpointStage) -> bool:
        """Whether the endpoints of a stage run on instances with GPUs."""


def dashboards(deployment: Deployment) -> list[Board]:
    """The dashboards of a deployment that its stage asks for: each costs something, used or not."""
    boards = [*operations(deployment), _cost(deployment)]
    wanted = deployment.settings.stage.dashboards
    return {"all": boards, "documents": boards[:1], "none": []}[wanted]


def operations(observed: Observed) -> list[Board]:
    """How it works: the pipeline at a glance, and each endpoint."""
    return [_glance(observed), *(_endpoint(observed, stage, mode) for stage, mode in observed.endpoints)]


def _glance(observed: Observed) -> Board:
    names = observed.names
    own = names.metrics_namespace
    machine = names.arn("states", f"stateMachine:{names.state_machine('documents')}")

    def executions(ending: str, label: str) -> Line:
        return Line(metric("AWS/States", f"Executions{ending}", "Sum", StateMachineArn=machine), label)

    def oldest(queue: str) -> Line:
        age = metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=names.queue(queue))
        return Line(age, f"queue {queue}")

    jobs = (executions("Started", "in"), executions("Succeeded", "read"), executions("Failed", "failed"))
    ends = tuple(
        Line(
            metric(own, "DocumentsEnded", "Sum", outcome=outcome, service="conclude", source=EVENT_SOURCE),
            label,
        )
        for outcome, label in _OUTCOMES.items()
    )
    ticket = Line(metric(own, "OldestTicketSeconds", "Maximum", service="sweep"), "waiting for an endpoint")
    job = Line(metric(own, "OldestWaitingJobSeconds", "Maximum", service="sweep"), "waiting to start")
    ages = (*(oldest(queue) for queue in observed.topology.queues), job, ticket)
    pages = (
        Line(metric(own, "PagesPlanned", "Sum", service="paginate"), "planned"),
        Line(metric(own, "PagesPlannedAgain", "Sum", service="paginate"), "planned again"),
    )
    dead = tuple(
        _dead_letters(names.dead_letter_queue(queue), queue)
        for queue in dead_letter_queues(observed.topology)
    )
    time = metric("AWS/States", "ExecutionTime", "p90", StateMachineArn=machine)
    return Board(
        "documents",
        (
            Row(
                "## Documents\nWhat came in and how it ended, over the time chosen above.",
                (
                    Chart("Jobs", "documents", jobs, view="singleValue"),
                    Chart("Verdicts", "documents", ends, view="singleValue"),
                ),
            ),
            Row(
                "## Flow\nHow much, how old, how long.",
                (
                    Chart("Jobs per minute", "documents", jobs),
                    Chart("Pages per minute", "pages", pages),
                    Chart("Time of a document, p90", "milliseconds", (Line(time, "p90"),)),
                ),
            ),
            Row(
                "## Waiting\nThe oldest of each kind, and what was given up.",
                (
                    Chart("Age of the oldest", "seconds", ages),
                    Chart("Verdicts per minute", "documents", ends),
                    Chart("Dead letters", "messages", dead),
                ),
            ),
            Row(
                "## Functions\nErrors should be rare; throttles mean that reserved concurrency is used up.",
                (
                    Chart("Errors", "invocations", _functions(observed, "Errors", "Sum")),
                    Chart("Throttles", "invocations", _functions(observed, "Throttles", "Sum")),
                    Chart("Duration, p90", "milliseconds", _functions(observed, "Duration", "p90")),
                ),
            ),
        ),
    )


def _dead_letters(queue: str, label: str) -> Line:
    return Line(metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=queue), label)


def _functions(observed: Observed, name: str, statistic: Statistic) -> tuple[Line, ...]:
    return tuple(
        Line(metric("AWS/Lambda", name, statistic, FunctionName=observed.names.function(function)), function)
        for function in observed.topology.functions
    )


def _endpoint(observed: Observed, stage: EndpointStage, mode: EndpointMode) -> Board:
    return endpoint_board(observed.names.endpoint(stage, mode), stage, mode, gpu=observed.has_gpu(stage))


def _cost(deployment: Deployment) -> Board:
    hours: list[Line | Expression] = []
    idle: list[Line | Expression] = []
    dollars: list[Line | Expression] = []
    counted: list[Line] = []
    spent: list[str] = []
    for number, (stage, mode) in enumerate(deployment.endpoints):
        view = EndpointView(deployment.endpoint(stage, mode))
        _, instance = deployment.settings.instance(stage)
        price = f"{deployment.settings.dollars_per_hour(stage):.6g}"
        label, minutes, busy = f"{stage} {mode}", f"m{number}", f"b{number}"
        reports = view.host("CPUUtilization", label, "SampleCount", minutes, shown=False)
        # What an instance is paid for: its GPUs, else its processors. Both are summed over devices or cores.
        used = "GPUUtilization" if instance.gpus else "CPUUtilization"
        devices = instance.gpus or instance.vcpus
        load = view.host(used, label, "Average", busy, shown=False)
        counted.append(reports)
        hours += [reports, Expression(f"{minutes}/60", label)]
        idle += [reports, load, Expression(f"{minutes}/60*(1-{busy}/{100 * devices})", label)]
        dollars += [reports, Expression(f"{minutes}/60*{price}", label)]
        spent.append(f"FILL({minutes},0)*{price}")
    planned = metric(deployment.names.metrics_namespace, "PagesPlanned", "Sum", service="paginate")
    pages = Line(planned, "pages", "pages", shown=False)
    ratio = Expression(f"1000*({'+'.join(spent)})/60/pages", "dollars")
    per_pages: tuple[Line | Expression, ...] = (*counted, pages, ratio)
    return Board(
        "cost",
        (
            Row(
                "## Cost\nEstimates: instance hours times the price in autoscaling/prices.toml; no storage, "
                "no requests, no discounts.",
                (
                    Chart("Instance hours per hour", "hours", tuple(hours), period_seconds=_HOUR),
                    Chart("Idle instance hours per hour", "hours", tuple(idle), period_seconds=_HOUR),
                ),
            ),
            Row(
                "## Dollars\nBy the pages that were planned in the same hour.",
                (
                    Chart("Dollars per hour", "dollars", tuple(dollars), period_seconds=_HOUR),
                    Chart("Dollars per 1,000 pages", "dollars", per_pages, period_seconds=_HOUR),
                ),
            ),
        ),
    )
