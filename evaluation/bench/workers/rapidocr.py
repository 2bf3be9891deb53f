"""RapidOCR: as it comes, or with OpenVINO for both networks and without the line orientation network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rapidocr

from evaluation.bench.protocol import Reading, serve
from evaluation.bench.workers.facts import hashes, versions


class RapidOcr:
    """RapidOCR with the weights that its wheel brings."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings: dict[str, Any] = {}
        packages = ["rapidocr", "onnxruntime", "opencv-python-headless", "numpy"]
        if settings["engine"] == "openvino":
            packages.append("openvino")
            openvino = rapidocr.EngineType.OPENVINO
            self._settings = {
                "Det.engine_type": openvino,
                "Rec.engine_type": openvino,
                "Global.use_cls": False,
            }
        self._ocr = rapidocr.RapidOCR(params={"Global.log_level": "error"} | self._settings)
        models = Path(rapidocr.__file__).with_name("models").glob("*.onnx")
        self.about: dict[str, Any] = {
            "versions": versions(*packages),
            "models": hashes(sorted(models)),
            "settings": {key: str(value) for key, value in self._settings.items()},
        }

    def read(self, path: Path) -> Reading:
        """Read one image."""
        result = self._ocr(str(path))
        if result.boxes is None:
            return Reading([])
        return Reading(list(zip(result.boxes.tolist(), result.txts, strict=True)))


if __name__ == "__main__":
    serve(RapidOcr)
