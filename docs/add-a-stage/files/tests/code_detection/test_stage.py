"""Code detection: real codes on drawn pages, and pages that fail alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_ocr.contracts.errors import DocumentError
from hybrid_ocr.contracts.messages import PageCodes
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.stages.code_detection.postprocess import as_codes
from hybrid_ocr.stages.code_detection.stage import CodeDetectionStage
from tests.code_detection.pages import page


@pytest.fixture
def stage() -> CodeDetectionStage:
    return CodeDetectionStage.load(StageContext(Path("there is no artefact")))


def test_codes_are_read_where_they_stand_from_top_to_bottom(stage: CodeDetectionStage) -> None:
    [answer] = stage.run([page(3, ("second", 400, 600), ("Grüße", 60, 80))])
    assert isinstance(answer, PageCodes)
    assert [(code.id, code.text) for code in answer.codes] == [("c1", "Grüße"), ("c2", "second")]
    assert answer.codes[0].polygon[0] == pytest.approx((70, 90), abs=12)
    assert (answer.number, answer.seconds > 0) == (3, True)


def test_a_page_without_codes_is_an_answer(stage: CodeDetectionStage) -> None:
    [answer] = stage.run([page(1)])
    assert isinstance(answer, PageCodes)
    assert answer.codes == ()


def test_a_page_that_cannot_be_decoded_fails_alone(stage: CodeDetectionStage) -> None:
    broken = page(2).model_copy(update={"data": b"no image"})
    first, second, third = stage.run([page(1), broken, page(3)])
    assert isinstance(second, DocumentError)
    assert isinstance(first, PageCodes)
    assert isinstance(third, PageCodes)


def test_there_are_no_weights(stage: CodeDetectionStage) -> None:
    assert stage.model is None


def test_a_code_that_says_nothing_keeps_its_place() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)
    codes = as_codes(np.stack([square + 50, square]), ["", "read"])
    assert [(code.id, code.text) for code in codes] == [("c1", "read"), ("c2", "")]
    assert codes[1].polygon == ((50, 50), (60, 50), (60, 60), (50, 60))
