"""The container of OCR: line crops in, text out."""

from __future__ import annotations

from ocr_core.contracts.messages import CropBatch, PageCrops, PageText, TextBatch
from ocr_core.contracts.stage import Stage, StageContext
from ocr_core.hosts.container import Binding, main


def load(context: StageContext) -> Stage[PageCrops, PageText]:
    """Import and load the stage."""
    from endpoints.ocr.stage import OcrStage

    return OcrStage.load(context)


BINDING = Binding(
    name="ocr",
    load=load,
    request=CropBatch,
    response=TextBatch,
    pixels=lambda page: sum(crop.width * crop.height for crop in page.crops),
)

if __name__ == "__main__":
    main(BINDING)
