"""How a job stands, read from its executions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from hybrid_ocr.clients.errors import error_in, one_line
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import ERRORS, ErrorCode, ErrorInfo, RequestError
from hybrid_ocr.contracts.events import DocumentCompleted, PageCounts
from hybrid_ocr.contracts.jobs import Job, JobId
from hybrid_ocr.contracts.result import Verdict

JobState = Literal["running", "succeeded", "failed"]

_STATES: Final[Mapping[str, JobState]] = {
    "RUNNING": "running",
    "PENDING_REDRIVE": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "failed",
    "ABORTED": "failed",
}
ID: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"([0-9a-f]{32})-([1-9][0-9]?)")


class JobStatus(Message):
    """Where one attempt of a job stands.

    `succeeded` means that the flow came to its end: `verdict` and `pages` say what of. Where jobs are listed,
    no more is known than state and times.
    """

    job_id: JobId
    attempt: int = Field(ge=1)
    state: JobState
    started: datetime
    stopped: datetime | None = None
    source: str | None = None
    test: str | None = Field(default=None, description="the id of a test; None for a document in earnest")
    verdict: Verdict | None = None
    pages: PageCounts | None = None
    error: ErrorInfo | None = None

    @property
    def document(self) -> str | None:
        """What people call the document: the end of its source."""
        return document_name(self.source) if self.source else None

    @property
    def called(self) -> str:
        """The attempt in words: by the name of its document, where that is known, and its job."""
        attempt = f"attempt {self.attempt} of job {self.job_id}"
        return f"{self.document}, {attempt}," if self.document else attempt

    @property
    def done(self) -> bool:
        """Whether nothing more will come of this attempt."""
        return self.state != "running"


def check_id(job_id: str) -> None:
    """Raise RequestError where this is no id of a job."""
    if not ID.fullmatch(job_id):
        raise RequestError(f"{job_id[:40]!r} is no id of a job: 32 of 0-9 and a-f")


def too_late(job_id: str, status: JobStatus | None, seconds: float) -> str:
    """What a wait for a job says that took too long; `status` is None where it has not even started."""
    if status:
        return f"{status.called} is not done after {seconds:g} seconds"
    return (
        f"job {job_id} has not started after {seconds:g} seconds: where it was refused at the door, the "
        "dead-letter queue of the jobs has it"
    )


def status_of(execution: Mapping[str, Any]) -> JobStatus | None:
    """How an execution stands, from an answer of DescribeExecution or an item of ListExecutions.

    Returns:
        None for an execution whose name is not that of a job: somebody started it by hand.
    """
    named = _NAME.fullmatch(execution["name"])
    if named is None:
        return None
    state = _STATES[execution["status"]]
    job = job_of(execution)
    outcome = _outcome_of(execution)
    return JobStatus(
        job_id=named[1],
        attempt=int(named[2]),
        state=state,
        started=execution["startDate"],
        stopped=execution.get("stopDate"),
        source=job.source if job else None,
        test=job.test.id if job and job.test else None,
        verdict=outcome.verdict if outcome else None,
        pages=outcome.counts if outcome else None,
        error=_error_of(execution) if state == "failed" and "input" in execution else None,
    )


def job_of(execution: Mapping[str, Any]) -> Job | None:
    """The job an execution was started with; None where the answer does not tell."""
    try:
        return Job.model_validate_json(execution.get("input") or "")
    except ValidationError:
        return None


def _outcome_of(execution: Mapping[str, Any]) -> DocumentCompleted | None:
    """The event of a document that was read, which is the output of the flow; both such events are alike."""
    try:
        return DocumentCompleted.model_validate(json.loads(execution.get("output") or "{}")["detail"])
    except (ValueError, KeyError, TypeError):
        return None


def _error_of(execution: Mapping[str, Any]) -> ErrorInfo:
    """Why an execution failed: the code and words of the flow's own end, or what Step Functions says."""
    error, cause = str(execution.get("error") or ""), str(execution.get("cause") or "")
    if error in ErrorCode.__members__:
        code = ErrorCode(error)
        return ErrorInfo(code=code, message=cause[:2048], retryable=ERRORS[code].retryable)
    info = error_in(cause)
    if info:
        return info
    if execution["status"] == "ABORTED":
        return ErrorInfo(code=ErrorCode.INTERNAL, message="the execution was stopped by hand", retryable=True)
    if execution["status"] == "TIMED_OUT":
        return ErrorInfo(code=ErrorCode.STAGE_TIMEOUT, message="the document took too long", retryable=True)
    message = one_line(f"{error or 'the execution failed'} {cause}")
    return ErrorInfo(code=ErrorCode.INTERNAL, message=message, retryable=False)
