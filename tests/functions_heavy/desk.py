"""What stands around the three functions: producers who upload, endpoints that answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import DocumentSubmitted, ReadOptions, TestRun
from hybrid_ocr.contracts.jobs import BatchTask, Bundle, Job, job_id_of
from hybrid_ocr.contracts.messages import (
    FailedPage,
    ModelIdentity,
    PageBatch,
    PageImage,
    PageRegions,
    PageText,
    RecognisedLine,
    Region,
    RegionBatch,
    StageName,
    TextBatch,
)
from hybrid_ocr.contracts.stages import LAST, STAGES
from hybrid_ocr.storage.objects import Objects

OTHERS = tuple(stage for stage in LAST if stage not in {"region_detection", "ocr"})
"""Stages at the end of a way whose answers validation does not put together."""
INBOX, WORK, RESULTS, ARTIFACTS = "the-inbox", "the-work", "the-results", "the-artifacts"
NAME = "a document"
"""What the producer calls the file."""


@dataclass
class Desk:
    inbox: Objects
    work: Objects
    results: Objects
    bundle: Bundle

    def submit(self, document: Path | bytes, pages: str | None = None, *, test: TestRun | None = None) -> Job:
        """Upload a document; returns the job that intake would make of it."""
        body = document if isinstance(document, bytes) else document.read_bytes()
        key = f"inbox/{NAME}"
        self.inbox.put(key, body, "application/octet-stream")
        facts = self.inbox.facts_of_source(key)
        asked = DocumentSubmitted(source=self.inbox.uri(key), options=ReadOptions(pages=pages), test=test)
        return Job(
            job_id=job_id_of(asked, facts.version_id or facts.etag),
            source=asked.source,
            etag=facts.etag,
            version_id=facts.version_id,
            options=asked.options,
            test=test,
            bundle=self.bundle.id,
        )

    def answer(
        self, batch: BatchTask, models: dict[StageName, ModelIdentity] | None = None, *, regions: bool = True
    ) -> None:
        """Answer for the endpoints: one region and one line on each page of a batch."""
        pages = self.work.read(keys.output_key(batch, "rotation"), PageBatch)
        models = dict(self.bundle.models) if models is None else models
        if regions:
            found = tuple(_regions_of(page) for page in pages.pages)
            seen = {stage: models[stage] for stage in ("rotation", "region_detection")}
            self.work.write(keys.output_key(batch, "region_detection"), RegionBatch(models=seen, pages=found))
        read = tuple(_text_of(page) for page in pages.pages)
        seen = {stage: models[stage] for stage in ("rotation", "text_detection", "ocr")}
        self.work.write(keys.output_key(batch, "ocr"), TextBatch(models=seen, pages=read))
        for stage in OTHERS:
            failed = tuple(_failure_of(page, stage) for page in pages.pages)
            self.work.write(keys.output_key(batch, stage), STAGES[stage].answer(pages=failed))

    def lose(self, batch: BatchTask, stage: StageName, error: ErrorInfo) -> None:
        """Write down why a stage lost a batch."""
        self.work.write(keys.error_key(batch, stage), error)


@contextmanager
def reads_of(objects: Objects) -> Iterator[list[str]]:
    """Notes which objects are fetched through a client."""
    events, reads = objects.client.meta.events, []

    def note(params: dict[str, Any], **_: Any) -> None:
        reads.append(f"{params['Bucket']}/{params['Key']}")

    events.register("before-parameter-build.s3.GetObject", note)
    try:
        yield reads
    finally:
        events.unregister("before-parameter-build.s3.GetObject", note)


def batches_of(job: Job, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The items that the map of the flow makes of a plan."""
    return [
        {"job": job.model_dump(mode="json"), "round": plan["round"], "pages": pages}
        for pages in plan["batches"]
    ]


def text_of_page(number: int) -> str:
    return f"The text of page {number} stands here in one plain line."


def _regions_of(page: PageImage | FailedPage) -> PageRegions | FailedPage:
    if isinstance(page, FailedPage):
        return page
    region = Region(id="r1", label="text", bbox=(0, 0, page.width, page.height), score=0.9)
    return PageRegions(
        number=page.number, width=page.width, height=page.height, regions=(region,), seconds=0.5
    )


def _failure_of(page: PageImage | FailedPage, stage: StageName) -> FailedPage:
    error = ErrorInfo(code=ErrorCode.ENGINE_FAILED, message="the desk knows no such answer", retryable=False)
    return FailedPage(number=page.number, stage=stage, error=error)


def _text_of(page: PageImage | FailedPage) -> PageText | FailedPage:
    if isinstance(page, FailedPage):
        return page
    text = text_of_page(page.number)
    line = RecognisedLine(
        id="l1",
        polygon=((10, 10), (400, 10), (400, 40), (10, 40)),
        score=0.9,
        text=text,
        confidence=0.99,
        character_confidence=(0.99,) * len(text),
    )
    return PageText(
        number=page.number,
        width=page.width,
        height=page.height,
        lines=(line,),
        seconds=0.25,
        detection_seconds=0.75,
    )
