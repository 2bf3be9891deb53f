"""The container of OCR: line crops in, text out."""

from __future__ import annotations

from hybrid_ocr.contracts.messages import CropBatch, PageCrops, PageText, TextBatch
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container import Binding, main


def load(context: StageContext) -> Stage[PageCrops, PageText]:
    """Import and load the stage."""
    from hybrid_ocr.stages.ocr.stage import OcrStage

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
