"""Our text detection and OCR in one process: the part of the pipeline that other contestants have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from evaluation.bench.protocol import Reading, serve
from evaluation.bench.workers.facts import versions
from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.stages.ocr.stage import OcrStage
from hybrid_ocr.stages.text_detection.stage import TextDetectionStage


class TextStages:
    """Page in, lines out; no server, no region detection, no rotation."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._detection = TextDetectionStage.load(_context(settings["detection"]))
        self._ocr = OcrStage.load(_context(settings["recognition"]))
        self.about: dict[str, Any] = {
            "versions": versions("hybrid-ocr", "openvino", "opencv-python-headless", "numpy"),
            "models": {stage.model.name: stage.model.sha256 for stage in (self._detection, self._ocr)},
            "settings": {"engine": "openvino", "precision": "auto", "threads": str(granted_threads())},
        }

    def read(self, path: Path) -> Reading:
        """Read one image; the bytes of the file go to the stage as they are."""
        [crops] = self._detection.run([_page(path)])
        if isinstance(crops, OcrError):
            raise crops
        [text] = self._ocr.run([crops])
        if isinstance(text, OcrError):
            raise text
        lines = [([[x, y] for x, y in line.polygon], line.text) for line in text.lines]
        return Reading(lines, {"text_detection": crops.seconds, "ocr": text.seconds})


def _context(artifact: str) -> StageContext:
    return StageContext(model_dir=artifacts_root() / artifact, threads=granted_threads())


def _page(path: Path) -> PageImage:
    with Image.open(path) as image:  # reads the header alone
        width, height = image.size
        encoding = (image.format or "").lower()
    return PageImage.model_validate(
        {"number": 1, "width": width, "height": height, "encoding": encoding, "data": path.read_bytes()}
    )


if __name__ == "__main__":
    serve(TextStages)
