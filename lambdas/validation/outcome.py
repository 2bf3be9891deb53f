"""The event that says how a document ended."""

from __future__ import annotations

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import DocumentCompleted, DocumentNeedsReview, PageCounts
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
    if result.status == "failed":
        return Outcome.failed(job, _cause(plan, result), uri)
    read = sum(page.status != "failed" for page in result.pages)
    kind = DocumentCompleted if result.verdict == "accept" else DocumentNeedsReview
    counts = PageCounts(expected=plan.expected_pages, read=read, failed=max(0, plan.expected_pages - read))
    return Outcome.of(
        kind(
            job_id=job.job_id,
            attempt=job.attempt,
            source=job.source,
            test=job.test,
            verdict=result.verdict,
            result=uri,
            counts=counts,
        )
    )


def _cause(plan: Plan, result: DocumentResult) -> ErrorInfo:
    """Why nothing was read: the document's own error, else that of its first page."""
    errors = (plan.error, *(page.error for page in result.pages))
    unknown = ErrorInfo(code=ErrorCode.INTERNAL, message="no page came back", retryable=True)
    return next((error for error in errors if error is not None), unknown)
