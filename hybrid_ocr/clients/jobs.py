"""How a job stands, read from the table of jobs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import Field

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import ErrorInfo, RequestError
from hybrid_ocr.contracts.events import DocumentFailed, PageCounts
from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.contracts.jobs import JobId
from hybrid_ocr.contracts.result import Verdict

JobState = Literal["waiting", "running", "succeeded", "failed"]

ID: Final = re.compile(r"[0-9a-f]{32}")


class JobStatus(Message):
    """Where the latest attempt of a job stands.

    `waiting` means that other jobs are before it, `succeeded` that the flow came to its end: `verdict` and
    `pages` say what of. A job that waits has not started; one that failed has an `error`.
    """

    job_id: JobId
    attempt: int = Field(ge=1)
    state: JobState
    submitted: datetime
    started: datetime | None = None
    stopped: datetime | None = None
    source: str
    test: str | None = Field(default=None, description="the id of a test; None for a document in earnest")
    verdict: Verdict | None = None
    pages: PageCounts | None = None
    error: ErrorInfo | None = None

    @property
    def document(self) -> str:
        """What people call the document: the end of its source."""
        return document_name(self.source)

    @property
    def called(self) -> str:
        """The attempt in words: by the name of its document and its job."""
        return f"{self.document}, attempt {self.attempt} of job {self.job_id},"

    @property
    def began(self) -> datetime:
        """When it was started or, where that has not happened or was not noted, submitted."""
        return self.started or self.submitted

    @property
    def done(self) -> bool:
        """Whether nothing more will come of this attempt."""
        return self.state in {"succeeded", "failed"}


def check_id(job_id: str) -> None:
    """Raise RequestError where this is no id of a job."""
    if not ID.fullmatch(job_id):
        raise RequestError(f"{job_id[:40]!r} is no id of a job: 32 of 0-9 and a-f")


def too_late(job_id: str, status: JobStatus | None, seconds: float) -> str:
    """What a wait for a job says that took too long; `status` is None where nobody has taken it in."""
    if status:
        return f"{status.called} is {status.state} after {seconds:g} seconds"
    return (
        f"job {job_id} was not taken in within {seconds:g} seconds: where it was refused at the door, the "
        "dead-letter queue of the jobs has it"
    )


def status_of(record: JobRecord) -> JobStatus:
    """How a job stands, of what its table has."""
    job, event = record.job, record.event if record.state == "ended" else None
    read = None if isinstance(event, DocumentFailed) else event
    state: JobState = "waiting" if record.state == "waiting" else "running"
    if event is not None:
        state = "succeeded" if read else "failed"
    return JobStatus(
        job_id=job.job_id,
        attempt=job.attempt,
        state=state,
        submitted=_moment(record.submitted_at),
        started=_moment(record.started_at) if record.started_at else None,
        stopped=_moment(record.ended_at) if record.ended_at else None,
        source=job.source,
        test=job.test.id if job.test else None,
        verdict=read.verdict if read else None,
        pages=read.counts if read else None,
        error=event.error if isinstance(event, DocumentFailed) else None,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
