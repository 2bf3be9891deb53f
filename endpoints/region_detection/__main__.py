"""The container of region detection: page images in, labelled regions out."""

from __future__ import annotations

from ocr_core.contracts.messages import PageBatch, PageImage, PageRegions, RegionBatch
from ocr_core.contracts.stage import Stage, StageContext
from ocr_core.hosts.container import Binding, main
from ocr_core.hosts.container.raw_image import one_page


def load(context: StageContext) -> Stage[PageImage, PageRegions]:
    """Import and load the stage."""
    from endpoints.region_detection.stage import RegionDetectionStage

    return RegionDetectionStage.load(context)


BINDING = Binding(
    name="region_detection",
    load=load,
    request=PageBatch,
    response=RegionBatch,
    pixels=lambda page: page.width * page.height,
    from_image=one_page,
)

if __name__ == "__main__":
    main(BINDING)
