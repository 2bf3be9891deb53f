"""A real container server over a small fake stage: `python -m tests.hosts.server serve`.

The fake reads its orders from the pages: the data of a page say what happens to it. A run with the order
`hold FILE` or `fatal FILE` lasts until there is that file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from hybrid_ocr.contracts.errors import ArtifactError, DocumentError, EngineError, OcrError
from hybrid_ocr.contracts.messages import (
    ModelIdentity,
    PageBatch,
    PageImage,
    PageRegions,
    Region,
    RegionBatch,
)
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.hosts.container import Binding, main
from hybrid_ocr.hosts.container.raw_image import one_page

DOCUMENT_TEXT = "the text of a document"


class FakeStage:
    """Finds one region on every page; its id says encoding, number of the run, pages of its batch."""

    model = ModelIdentity(name="fake", version="1", sha256="0" * 64)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._runs = 0

    @classmethod
    def load(cls, context: StageContext) -> FakeStage:
        options = context.options
        if "load_until" in options:
            _wait_for(Path(options["load_until"]))
        if options.get("artifact") == "bad":
            raise ArtifactError("inference.onnx is not the file its manifest names")
        return cls(float(options.get("run_seconds", "0")))

    def run(self, batch: Sequence[PageImage]) -> list[PageRegions | OcrError]:
        self._runs += 1
        orders = [page.data.partition(b" ")[0] for page in batch]
        time.sleep(self._seconds)
        for page in batch:
            order, *files = page.data.split(b" ")[:2]
            if files and order in {b"hold", b"fatal"}:
                _wait_for(Path(files[0].decode()))
        if b"fatal" in orders:
            raise EngineError("the device is gone")
        if b"poison" in orders:
            raise ValueError(f"cannot read {DOCUMENT_TEXT}")
        if b"short" in orders:
            return []
        return [self._answer(page, len(batch)) for page in batch]

    def _answer(self, page: PageImage, size: int) -> PageRegions | OcrError:
        if page.data == b"bad":
            return DocumentError("the image cannot be decoded")
        region = Region(
            id=f"{page.encoding}.run{self._runs}.of{size}", label="text", bbox=(0, 0, 1, 1), score=1.0
        )
        return PageRegions(number=page.number, width=page.width, height=page.height, regions=(region,))


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.005)


BINDING = Binding(
    name="region_detection",
    load=FakeStage.load,
    request=PageBatch,
    response=RegionBatch,
    pixels=lambda page: page.width * page.height,
    from_image=one_page,
)

if __name__ == "__main__":
    main(BINDING)
