"""The container of region detection: page images in, labelled regions out."""

from __future__ import annotations

from hybrid_ocr.contracts.messages import PageBatch, PageImage, PageRegions, RegionBatch
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container import Binding, main
from hybrid_ocr.hosts.container.raw_image import one_page


def load(context: StageContext) -> Stage[PageImage, PageRegions]:
    """Import and load the stage."""
    from hybrid_ocr.stages.region_detection.stage import RegionDetectionStage

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
