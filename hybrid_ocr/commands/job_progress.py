"""How far a job is, by the objects it has written: what a progress bar shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from hybrid_ocr.contracts.jobs import Plan, batch_label
from hybrid_ocr.contracts.keys import OUTPUTS, PLAN, attempt_prefix
from hybrid_ocr.opening import parse_pages
from hybrid_ocr.pipeline import Progress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_PAGES: Final = 100_000


class JobProgress:
    """Tells a Progress about the first attempt of one job.

    Args:
        s3: a boto3 client.
        work: the work bucket.
        job: its id.
        progress: receives what the job reports.
    """

    def __init__(self, s3: S3Client, work: str, job: str, progress: Progress) -> None:
        self._s3, self._bucket = s3, work
        self._prefix = attempt_prefix(job, 1)
        self._progress = progress
        self._pages_of: dict[str, int] | None = None
        self._counted: set[str] = set()

    @property
    def planned(self) -> bool:
        """Whether the flow has begun with the document."""
        return self._pages_of is not None

    def look(self) -> None:
        """Tell what is new."""
        if self._pages_of is None:
            self._pages_of = self._plan()
        if not self._pages_of:
            return
        for label in sorted(self._read_batches() - self._counted):
            self._counted.add(label)
            for _ in range(self._pages_of.get(label, 0)):
                self._progress.page_done()

    def _plan(self) -> dict[str, int] | None:
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + PLAN)["Body"].read()
        except ClientError:  # not planned yet
            return None
        plan = Plan.model_validate_json(body)
        self._progress.opened(plan.expected_pages)
        return {batch_label(0, pages): len(parse_pages(pages, _MOST_PAGES)) for pages in plan.batches}

    def _read_batches(self) -> set[str]:
        listing = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        keys = [
            item["Key"].removeprefix(self._prefix) for page in listing for item in page.get("Contents", ())
        ]
        return {key.split("/")[0] for key in keys if key.endswith(f"/{OUTPUTS['ocr']}")}
