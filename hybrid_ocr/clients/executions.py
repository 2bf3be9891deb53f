"""The executions of the flow, one for each attempt of a job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from hybrid_ocr.clients.connection import Connection
from hybrid_ocr.clients.jobs import JobStatus, job_of, status_of
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import Job

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

FLOW: Final = "documents"
MOST_ATTEMPTS: Final = 99


class Executions:
    """Looks at executions by the names that follow from job and attempt, and starts them."""

    def __init__(self, connection: Connection) -> None:
        self._flow: SFNClient = connection.client("stepfunctions")
        self._names = connection.names

    def latest(self, job_id: str, attempt: int = 1) -> JobStatus | None:
        """The latest attempt from the given one on; None where that has not started."""
        latest = None
        # Only an attempt that is done can have been followed by another.
        while attempt <= MOST_ATTEMPTS and (latest is None or latest.done):
            execution = self._describe(job_id, attempt)
            if execution is None:
                break
            latest = status_of(execution)
            attempt += 1
        return latest

    def newest(self, page_size: int) -> Iterator[JobStatus]:
        """Every attempt of every job, the one started last first."""
        arn = self._names.arn("states", f"stateMachine:{self._names.state_machine(FLOW)}")
        pages = self._flow.get_paginator("list_executions").paginate(
            stateMachineArn=arn, PaginationConfig={"PageSize": page_size}
        )
        for page in pages:
            yield from filter(None, map(status_of, page["executions"]))

    def job(self, job_id: str, attempt: int) -> Job:
        """What an attempt was started with.

        Raises:
            RequestError: somebody started it by hand with something else.
        """
        execution = self._describe(job_id, attempt)
        job = job_of(execution) if execution else None
        if job is None:
            raise RequestError(f"attempt {attempt} of job {job_id} was not started with a job")
        return job

    def start(self, job: Job) -> None:
        """Start an attempt; starting one that runs already changes nothing.

        Raises:
            RequestError: it ran and is done.
        """
        arn = self._names.arn("states", f"stateMachine:{self._names.state_machine(FLOW)}")
        try:
            self._flow.start_execution(
                stateMachineArn=arn, name=job.execution_name, input=job.model_dump_json()
            )
        except self._flow.exceptions.ExecutionAlreadyExists:
            raise RequestError(f"attempt {job.attempt} of job {job.job_id} has run already") from None

    def _describe(self, job_id: str, attempt: int) -> Any:  # noqa: ANN401 - the answer, a TypedDict of boto3-stubs
        try:
            return self._flow.describe_execution(
                executionArn=self._names.execution_arn(FLOW, f"{job_id}-{attempt}")
            )
        except self._flow.exceptions.ExecutionDoesNotExist:
            return None
