"""Same weights, equal answers: our fast path held to the paddleocr package.

Both sides compute in float32 on ONNX Runtime, so what differs is what is ours: decoding, padding, batching,
post-processing. Pages are the sample documents.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely import Polygon

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.messages import PageCrops, PageImage, PageText
from hybrid_ocr.contracts.stage import EngineName, StageContext
from hybrid_ocr.engines import Network, NetworkSpec, load_network
from hybrid_ocr.images import decode_page
from hybrid_ocr.stages.ocr.stage import OcrStage
from hybrid_ocr.stages.text_detection import detector
from hybrid_ocr.stages.text_detection.paddle import PaddleTextDetector
from hybrid_ocr.stages.text_detection.stage import TextDetectionStage

pytestmark = [
    pytest.mark.paddle,
    pytest.mark.skipif(find_spec("paddleocr") is None, reason="needs the environment of `make paddle`"),
]


def context(model_dir: Path) -> StageContext:
    return StageContext(model_dir=model_dir, engine="onnxruntime-cpu", threads=2, precision="f32")


def test_the_same_lines_are_found(
    artifacts: Path, pages: list[PageImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown the same pixels, line for line; our boxes are larger, by one pixel of the map before they grow.

    A contour runs through the centres of pixels. paddleocr takes its extent for the core's, ours adds half a
    pixel at each side, which grows with the box: a fifth of the height of small print. Boxes are shrunk to
    their ink later.
    """
    shown: list[NDArray[np.uint8]] = []

    def watched(engine: EngineName, spec: NetworkSpec) -> Network:
        network = load_network(engine, spec)

        def run(images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
            shown.append(images[0])
            return network(images)

        return run

    monkeypatch.setattr(detector, "load_network", watched)
    folder = artifacts / "pp-ocrv6-small-det"
    ours = detector.load_detector(load_artifact(folder), context(folder))
    reference = PaddleTextDetector(load_artifact(folder), context(folder), longest_side=4000)
    overlaps: list[float] = []
    covered: list[float] = []
    for page in pages:
        found, _ = ours(decode_page(page))
        expected, _ = reference(shown[-1])
        expected *= np.array([page.width / shown[-1].shape[1], page.height / shown[-1].shape[0]])
        assert len(found) == len(expected)
        for quad in expected:
            both, either = best_overlap(quad, found)
            overlaps.append(both / either)
            covered.append(both / Polygon(quad).area)
    assert len(overlaps) > 400
    assert np.mean(np.array(overlaps) > 0.75) >= 0.99
    assert np.mean(np.array(covered) > 0.95) >= 0.99


@pytest.fixture(scope="module")
def crops(artifacts: Path, pages: list[PageImage]) -> list[PageCrops]:
    return read(TextDetectionStage.load(context(artifacts / "pp-ocrv6-small-det")).run(pages), PageCrops)


@pytest.mark.parametrize("name", ["pp-ocrv6-small-rec", "pp-ocrv6-small-rec-latin"])
def test_the_same_crops_give_the_same_text(artifacts: Path, crops: list[PageCrops], name: str) -> None:
    chosen = context(artifacts / name)
    fast = read(OcrStage.load(chosen).run(crops), PageText)
    slow = read(OcrStage.load(replace(chosen, engine="paddleocr")).run(crops), PageText)
    pairs = [
        (mine, theirs)
        for page, other in zip(fast, slow, strict=True)
        for mine, theirs in zip(page.lines, other.lines, strict=True)
    ]
    assert len(pairs) > 400
    different = [(mine.text, theirs.text) for mine, theirs in pairs if mine.text != theirs.text]
    assert len(different) <= 0.01 * len(pairs), different
    assert np.mean([abs(mine.confidence - theirs.confidence) < 0.05 for mine, theirs in pairs]) >= 0.95


def read(answers: list, kind: type) -> list:
    """The answers, none of which is an error."""
    assert all(isinstance(answer, kind) for answer in answers), answers
    return answers


def best_overlap(quad: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float]:
    """Areas of the intersection and the union with the quad that fits best."""
    shape = Polygon(quad)
    areas = [(shape.intersection(other).area, shape.union(other).area) for other in map(Polygon, others)]
    return max(areas, key=lambda both_either: both_either[0] / both_either[1])
