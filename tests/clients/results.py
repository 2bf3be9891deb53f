"""Jobs, and small results of theirs."""

from __future__ import annotations

from hybrid_ocr.contracts.events import ReadOptions
from hybrid_ocr.contracts.jobs import Job
from hybrid_ocr.contracts.result import DocumentResult, ResultLine, ResultPage
from tests.clients.deployment import BUNDLE


def a_job(number: int, pages: str | None = None, attempt: int = 1) -> Job:
    """The job of that number: each test has its own, since jobs stay."""
    return Job(
        job_id=f"{number:032x}",
        attempt=attempt,
        source="s3://bucket/scan.png",
        etag="e",
        options=ReadOptions(pages=pages),
        bundle=BUNDLE,
    )


def a_result(job_id: str, *texts: str, source: str = "s3://bucket/scan.png") -> DocumentResult:
    """A page of 200 x 100 pixels with a line for each text."""
    lines = tuple(
        ResultLine(
            id=f"l{number}",
            text=text,
            confidence=0.9,
            polygon=((10, 20 * number), (190, 20 * number), (190, 20 * number + 15), (10, 20 * number + 15)),
        )
        for number, text in enumerate(texts)
    )
    page = ResultPage(number=1, width=200, height=100, lines=lines, status="ok")
    return DocumentResult(
        job_id=job_id,
        source=source,
        status="completed",
        verdict="accept",
        pages=(page,),
        text="\n".join(texts),
    )
