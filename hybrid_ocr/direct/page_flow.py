"""One upright page through the three endpoints: regions and text at once, then OCR."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from hybrid_ocr.contracts.errors import ErrorInfo, OcrError
from hybrid_ocr.contracts.messages import (
    CropBatch,
    FailedPage,
    ModelIdentity,
    PageBatch,
    PageImage,
    RegionBatch,
    StageName,
    TextBatch,
)
from hybrid_ocr.contracts.result import PageParts, PageRecord
from local_cloud.containers import EndpointClient


@dataclass(frozen=True)
class FlowAnswer:
    """What the endpoints said about a page, the weights that said it, and their own seconds."""

    parts: PageParts
    models: dict[StageName, ModelIdentity]
    seconds: dict[StageName, float]


@dataclass(frozen=True)
class PageFlow:
    """The endpoints' part of the flow for one page. Safe to call from several threads.

    Args:
        pool: runs region detection beside text detection; must not be the pool that calls this flow.
    """

    region_detection: EndpointClient
    text_detection: EndpointClient
    ocr: EndpointClient
    pool: Executor

    def __call__(self, page: PageImage) -> FlowAnswer:
        """Read one page. A stage that fails is the page's failure, never an exception."""
        batch = PageBatch(pages=(page,))
        asked = self.pool.submit(_ask, self.region_detection, batch, RegionBatch, "region_detection")
        crops = _ask(self.text_detection, batch, CropBatch, "text_detection")
        text = _ask(self.ocr, crops, TextBatch, "ocr")
        regions = asked.result()
        return FlowAnswer(
            parts=PageParts(page=PageRecord.of(page), regions=regions.pages[0], text=text.pages[0]),
            models={**regions.models, **text.models},
            seconds={
                "region_detection": _seconds(regions),
                "text_detection": _seconds(crops),
                "ocr": _seconds(text),
            },
        )


AnswerT = TypeVar("AnswerT", RegionBatch, CropBatch, TextBatch)


def _ask(
    endpoint: EndpointClient, question: PageBatch | CropBatch, answer: type[AnswerT], stage: StageName
) -> AnswerT:
    try:
        return endpoint.invoke(question, answer)
    except OcrError as error:
        number = question.pages[0].number
        return answer(pages=(FailedPage(number=number, stage=stage, error=ErrorInfo.of(error)),))


def _seconds(batch: RegionBatch | CropBatch | TextBatch) -> float:
    return sum(page.seconds for page in batch.pages if page.status == "ok")
