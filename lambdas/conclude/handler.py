"""Handler of conclude: the last task of the flow, and events of Step Functions that an execution broke off.

Step Functions sends those events when it can; what they miss, the sweep finds.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parser import BaseModel, Field
from aws_lambda_powertools.utilities.typing import LambdaContext

from hybrid_ocr.contracts.jobs import ConclusionTask, Outcome
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.executions import Executions, flow_failure
from hybrid_ocr.storage.reconciliation import Reconciliation
from lambdas.conclude.settings import ConcludeSettings

host = FunctionHost("conclude")
settings = load_settings(ConcludeSettings)
reconciliation = Reconciliation.of(
    Executions(settings.state_machine_arn), settings.jobs_table, settings.most_executions, settings.event_bus
)


class _Execution(BaseModel):
    name: str = Field(min_length=1, max_length=80)


class StatusChange(BaseModel):
    """An event of Step Functions: an execution has another status."""

    detail: _Execution


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """End the job that the flow asks for, or whose execution has broken off."""
    return (_broken_off if "detail-type" in event else _concluded)(event, context)


@host.task(ConclusionTask)
def _concluded(task: ConclusionTask) -> Outcome:
    job = task.job
    reported = task.outcome or Outcome.failed(job, flow_failure(str(task.failure), job.execution_name))
    outcome = reconciliation.conclusion.conclude(job, reported)
    host.count("DocumentsEnded", outcome=outcome.detail_type, source=outcome.source)
    return outcome


@host.task(StatusChange)
def _broken_off(change: StatusChange) -> None:
    host.count("ExecutionsBrokenOff", repair=reconciliation.ended(change.detail.name))
