"""The three container servers in the environment of `make paddle`: lines and text come from paddleocr."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from hybrid_ocr.contracts.messages import (
    CropBatch,
    PageBatch,
    PageImage,
    PageRegions,
    PageText,
    RegionBatch,
    TextBatch,
)
from local_cloud.containers import endpoint_container
from tests.hosts.fleet import ContainerFleet

pytestmark = [
    pytest.mark.paddle,
    pytest.mark.skipif(find_spec("paddleocr") is None, reason="needs the environment of `make paddle`"),
]


def test_a_page_goes_through_the_three_servers(artifacts: Path, pages: list[PageImage]) -> None:
    containers = [
        endpoint_container(
            "region_detection", artifacts / "picodet-layout-cdla", settings={"engine": "onnxruntime-cpu"}
        ),
        endpoint_container(
            "text_detection", artifacts / "pp-ocrv6-small-det", settings={"engine": "paddleocr"}
        ),
        endpoint_container("ocr", artifacts / "pp-ocrv6-small-rec", settings={"engine": "paddleocr"}),
    ]
    letter = PageBatch(pages=(pages[4],))
    with ContainerFleet(containers) as fleet:
        regions = fleet.invoke("region_detection", letter, RegionBatch)
        crops = fleet.invoke("text_detection", letter, CropBatch)
        text = fleet.invoke("ocr", crops, TextBatch)
    assert isinstance(regions.pages[0], PageRegions)
    assert regions.pages[0].regions
    (page,) = text.pages
    assert isinstance(page, PageText)
    read = {line.text for line in page.lines}
    assert {"EXECUTIVE MANSION", "Dear Madam,", "so costly a sacrifice upon the altar of freedom."} <= read
    assert text.models["ocr"].name == "pp-ocrv6-small-rec"
