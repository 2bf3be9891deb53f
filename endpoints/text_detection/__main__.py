"""The container of text detection: page images in, lines and their rectified crops out."""

from __future__ import annotations

from ocr_core.contracts.messages import CropBatch, PageBatch, PageCrops, PageImage
from ocr_core.contracts.stage import Stage, StageContext
from ocr_core.hosts.container import Binding, main
from ocr_core.hosts.container.raw_image import one_page


def load(context: StageContext) -> Stage[PageImage, PageCrops]:
    """Import and load the stage."""
    from endpoints.text_detection.stage import TextDetectionStage

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
