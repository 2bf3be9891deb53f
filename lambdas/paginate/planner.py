"""What of a document is to be read, and later what of it is still missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo, RequestError
from hybrid_ocr.contracts.jobs import BatchTask, Job, Plan, PlanRequest
from hybrid_ocr.contracts.stages import LAST
from hybrid_ocr.opening import DocumentOpener, OpeningLimits, parse_pages
from hybrid_ocr.storage.objects import Objects
from lambdas.paginate.plan import retry_concurrency, split_pages

LAST_READING_ROUND: Final = 1
"""What was lost in a batch is tried once more, each page alone; what is lost then stays lost."""


@dataclass(frozen=True)
class Planner:
    """Plans the rounds of a job.

    The first plan is kept beside what is made from it: a later round needs neither the document nor the
    opener, and a first round that is asked for again gives the same plan.

    Args:
        work: the bucket of everything on its way.
        opener: opens documents.
        pages_per_batch: the most pages in a batch.
    """

    work: Objects
    opener: DocumentOpener
    pages_per_batch: int

    def __call__(self, request: PlanRequest) -> Plan:
        """The plan of a round; one for a document that cannot be opened says why.

        Raises:
            OcrError: a fault that is not the document's.
        """
        key = keys.plan_key(request.job)
        if request.round == 0:
            if self.work.exists(key):
                return self.work.read(key, Plan)
            plan = self._first(request.job)
            self.work.write(key, plan)
            return plan
        first = self.work.read(key, Plan)
        lost = self._lost(request.job, first) if request.round <= LAST_READING_ROUND else ()
        return first.model_copy(
            update={"round": request.round, "batches": lost, "concurrency": retry_concurrency(len(lost))}
        )

    def _first(self, job: Job) -> Plan:
        try:
            pages = self._pages(job)
        except (DocumentError, RequestError) as error:
            return Plan(round=0, expected_pages=0, batches=(), error=ErrorInfo.of(error))
        return Plan(round=0, expected_pages=len(pages), batches=split_pages(pages, self.pages_per_batch))

    def _pages(self, job: Job) -> list[int]:
        bucket, key = keys.split_uri(job.source)
        source, limits, name = self.work.at(bucket), OpeningLimits(), document_name(key)
        size = source.facts_of_source(key, job.version_id).size
        if size > limits.file_bytes:
            message = f"{name}: {size} bytes; the limit is {limits.file_bytes}"
            raise DocumentError(message, code=ErrorCode.FILE_TOO_LARGE)
        with TemporaryDirectory(prefix="hybrid-ocr-") as folder:
            path = Path(folder, "document")
            source.download(key, path, version_id=job.version_id, etag=job.etag)
            count = self.opener.inspect(path, name=name).page_count
        return parse_pages(job.options.pages or f"1-{count}", count)

    def _lost(self, job: Job, first: Plan) -> tuple[str, ...]:
        """The pages of the batches that lack an answer of a last stage, each alone."""
        present = set(self.work.keys(keys.job_prefix(job)))
        batches = (BatchTask(job=job, round=0, pages=pages) for pages in first.batches)
        lost = (batch for batch in batches if not _outputs(batch) <= present)
        return tuple(str(page) for batch in lost for page in parse_pages(batch.pages, OpeningLimits().pages))


def _outputs(batch: BatchTask) -> set[str]:
    return {keys.output_key(batch, stage) for stage in LAST}
