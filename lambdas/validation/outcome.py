"""The event that says how a document ended."""

from __future__ import annotations

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import (
    EVENT_SOURCE,
    TEST_SOURCE,
    DocumentCompleted,
    DocumentFailed,
    DocumentNeedsReview,
    PageCounts,
)
from hybrid_ocr.contracts.jobs import Job, Outcome, Plan
from hybrid_ocr.contracts.result import DocumentResult


def outcome_of(job: Job, plan: Plan, result: DocumentResult, uri: str) -> Outcome:
    """DocumentFailed where nothing was read, DocumentCompleted for verdict accept, else DocumentNeedsReview.

    Args:
        job: whose document.
        plan: its last plan.
        result: what was kept of it.
        uri: where `result` lies.
    """
    event: DocumentCompleted | DocumentNeedsReview | DocumentFailed
    if result.status == "failed":
        event = DocumentFailed(
            job_id=job.job_id, source=job.source, test=job.test, error=_cause(plan, result), result=uri
        )
    else:
        read = sum(page.status != "failed" for page in result.pages)
        kind = DocumentCompleted if result.verdict == "accept" else DocumentNeedsReview
        event = kind(
            job_id=job.job_id,
            source=job.source,
            test=job.test,
            verdict=result.verdict,
            result=uri,
            counts=PageCounts(
                expected=plan.expected_pages, read=read, failed=max(0, plan.expected_pages - read)
            ),
        )
    return Outcome(
        detail_type=type(event).__name__,
        source=TEST_SOURCE if job.test else EVENT_SOURCE,
        detail=event.model_dump(mode="json"),
    )


def _cause(plan: Plan, result: DocumentResult) -> ErrorInfo:
    """Why nothing was read: the document's own error, else that of its first page."""
    errors = (plan.error, *(page.error for page in result.pages))
    unknown = ErrorInfo(code=ErrorCode.INTERNAL, message="no page came back", retryable=True)
    return next((error for error in errors if error is not None), unknown)
