"""The container of text detection: page images in, lines and their rectified crops out."""

from __future__ import annotations

from hybrid_ocr.contracts.messages import CropBatch, PageBatch, PageCrops, PageImage
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container import Binding, main
from hybrid_ocr.hosts.container.raw_image import one_page


def load(context: StageContext) -> Stage[PageImage, PageCrops]:
    """Import and load the stage."""
    from hybrid_ocr.stages.text_detection.stage import TextDetectionStage

    return TextDetectionStage.load(context)


BINDING = Binding(
    name="text_detection",
    load=load,
    request=PageBatch,
    response=CropBatch,
    pixels=lambda page: page.width * page.height,
    from_image=one_page,
)

if __name__ == "__main__":
    main(BINDING)
