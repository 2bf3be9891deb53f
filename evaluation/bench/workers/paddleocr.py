"""PaddleOCR on ONNX Runtime with the weights of our own artefacts, so that only the code differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from paddleocr import PaddleOCR

from evaluation.bench.protocol import Reading, serve
from evaluation.bench.workers.facts import hashes, versions


class Paddle:
    """Text detection and recognition; the networks that turn or flatten pages and lines are off."""

    def __init__(self, settings: dict[str, str]) -> None:
        detection, recognition = Path(settings["detection"]), Path(settings["recognition"])
        self._ocr = PaddleOCR(
            text_detection_model_name=_name(detection),
            text_detection_model_dir=str(detection),
            text_recognition_model_name=_name(recognition),
            text_recognition_model_dir=str(recognition),
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation=False,
            engine="onnxruntime",
        )
        self.about: dict[str, Any] = {
            "versions": versions("paddleocr", "paddlex", "onnxruntime", "opencv-contrib-python", "numpy"),
            "models": {
                f"{folder.name}/{name}": sha256
                for folder in (detection, recognition)
                for name, sha256 in hashes(folder.glob("*.onnx")).items()
            },
            "settings": {"engine": "onnxruntime"},
        }

    def read(self, path: Path) -> Reading:
        """Read one image."""
        [page] = self._ocr.predict(str(path))
        corners = [polygon.astype(float).tolist() for polygon in page["rec_polys"]]
        return Reading(list(zip(corners, page["rec_texts"], strict=True)))


def _name(artifact: Path) -> str:
    config = yaml.safe_load((artifact / "inference.yml").read_bytes())
    return str(config["Global"]["model_name"])


if __name__ == "__main__":
    serve(Paddle)
