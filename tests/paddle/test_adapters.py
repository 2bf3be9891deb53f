"""paddleocr behind our interfaces, fed with our artefacts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.images import decode_page
from hybrid_ocr.stages.ocr.paddle import PaddleRecogniser
from hybrid_ocr.stages.text_detection.paddle import PaddleTextDetector

pytestmark = [
    pytest.mark.paddle,
    pytest.mark.skipif(find_spec("paddleocr") is None, reason="needs the environment of `make paddle`"),
]


@pytest.fixture(scope="module")
def detector(artifacts: Path) -> PaddleTextDetector:
    folder = artifacts / "pp-ocrv6-small-det"
    context = StageContext(folder, engine="paddleocr", threads=2)
    return PaddleTextDetector(load_artifact(folder), context, longest_side=1600)


@pytest.fixture(scope="module")
def recogniser(artifacts: Path) -> PaddleRecogniser:
    folder = artifacts / "pp-ocrv6-small-rec"
    return PaddleRecogniser(load_artifact(folder), StageContext(folder, engine="paddleocr", threads=2))


@pytest.fixture(scope="module")
def letter(pages: list[PageImage]) -> np.ndarray:
    return decode_page(pages[4])


def test_quads_are_clockwise_from_the_top_left_and_read(
    letter: np.ndarray, detector: PaddleTextDetector, recogniser: PaddleRecogniser
) -> None:
    quads, scores = detector(letter)
    assert quads.dtype == scores.dtype == np.float32
    assert quads.shape == (len(scores), 4, 2)
    assert (scores > 0.3).all()
    assert (quads[:, 1, 0] > quads[:, 0, 0]).all()
    assert (quads[:, 3, 1] > quads[:, 0, 1]).all()
    lefts, tops = quads.min(axis=1).astype(int).T
    rights, bottoms = quads.max(axis=1).astype(int).T
    crops = [letter[t:b, left:r] for left, t, r, b in zip(lefts, tops, rights, bottoms, strict=True)]
    read = dict(recogniser(crops))
    assert {"EXECUTIVE MANSION", "Dear Madam,", "so costly a sacrifice upon the altar of freedom."} <= set(
        read
    )
    assert read["Dear Madam,"] > 0.9


def test_a_text_does_not_depend_on_its_neighbours(letter: np.ndarray, recogniser: PaddleRecogniser) -> None:
    short, long = letter[500:560, 150:400], letter[560:600, 150:1180]
    assert recogniser([short, long, short])[::2] == recogniser([short]) * 2


def test_nothing_gives_nothing(detector: PaddleTextDetector, recogniser: PaddleRecogniser) -> None:
    quads, scores = detector(np.full((640, 480, 3), 255, np.uint8))
    assert quads.shape == (0, 4, 2)
    assert scores.shape == (0,)
    assert recogniser([]) == []
    assert recogniser([np.full((48, 320, 3), 255, np.uint8)]) == [("", 0.0)]
