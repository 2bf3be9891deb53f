"""Executions of the flow: started once for each attempt of a job, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError
from pydantic import ValidationError

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.storage.faults import CONFIG, code_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_RUNNING: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
_MOST_PAGES: Final = 20
"""Of running executions, a thousand each."""
_ERROR_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,100}")


@dataclass(frozen=True)
class Execution:
    """What Step Functions says of an execution; `job` is None where it was started with something else."""

    status: str
    job: Job | None
    output: str = ""
    error: str = ""
    cause: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.status in _RUNNING

    def outcome(self, job: Job) -> Outcome:
        """How a job ended whose execution has: as the flow itself told, else as a failure."""
        text = self.output if self.status == "SUCCEEDED" else self.cause
        try:
            outcome = Outcome.model_validate_json(text)
            if (outcome.event.job_id, outcome.event.attempt) == (job.job_id, job.attempt):
                return outcome
        except ValidationError:
            pass
        return Outcome.failed(job, self._failure())

    def _failure(self) -> ErrorInfo:
        if self.status == "ABORTED":
            message = "the execution was stopped by hand"
            return ErrorInfo(code=ErrorCode.INTERNAL, message=message, retryable=True)
        if self.status == "TIMED_OUT":
            message = "the document took too long"
            return ErrorInfo(code=ErrorCode.STAGE_TIMEOUT, message=message, retryable=True)
        name = self.error if _ERROR_NAME.fullmatch(self.error) else self.status
        return flow_failure(name)


def flow_failure(error: str, execution: str = "") -> ErrorInfo:
    """What a job failed of whose flow broke with an error of this name; never the cause, which may quote."""
    where = f"execution {execution}" if execution else "the execution"
    return ErrorInfo(
        code=ErrorCode.INTERNAL,
        message=f"the flow stopped with {error}; the history of {where} has the cause",
        retryable=False,
    )


class Executions:
    """The executions of one state machine.

    Args:
        state_machine_arn: of the flow.
        client: of Step Functions; by default one from the environment.
    """

    def __init__(self, state_machine_arn: str, client: SFNClient | None = None) -> None:
        self._machine = state_machine_arn
        self._client: SFNClient = client or boto3.client("stepfunctions", config=CONFIG)

    def start(self, job: Job) -> None:
        """Start the execution of a job; one that has started before, or ended, stays the only one."""
        try:
            self._client.start_execution(
                stateMachineArn=self._machine, name=job.execution_name, input=job.model_dump_json()
            )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def get(self, name: str) -> Execution | None:
        """An execution by its name; None where there is none."""
        arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            answer: Any = self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return None
            raise
        return Execution(
            status=answer["status"],
            job=_job(answer.get("input")),
            output=answer.get("output") or "",
            error=answer.get("error") or "",
            cause=answer.get("cause") or "",
        )

    def running(self) -> Iterator[str]:
        """The names of those under way, up to twenty thousand; the newest may be missing."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING"
        )
        for page in islice(pages, _MOST_PAGES):
            yield from (execution["name"] for execution in page["executions"])


def _job(text: str | None) -> Job | None:
    try:
        return Job.model_validate_json(text or "")
    except ValidationError:
        return None
