"""The stage with its real network on drawn pages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, DocumentError
from hybrid_ocr.contracts.geometry import bounding_box
from hybrid_ocr.contracts.messages import PageCrops, PageImage
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.images import encode_image
from hybrid_ocr.stages.text_detection.stage import TextDetectionStage

MODEL = artifacts_root() / "pp-ocrv6-small-det"
TEXTS = {"INVOICE 2041": (60, 100), "Harbour Street 7": (60, 200), "12.50": (600, 300)}


def drawn(width: int = 900, height: int = 500) -> np.ndarray:
    page = np.full((height, width, 3), 250, np.uint8)
    for text, at in TEXTS.items():
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_DUPLEX, 1.3, (20, 20, 20), 2, cv2.LINE_AA)
    return page


def message(image: np.ndarray, encoding: str = "png", number: int = 1) -> PageImage:
    height, width = image.shape[:2]
    data = encode_image(image, encoding)  # type: ignore[arg-type]
    return PageImage(number=number, width=width, height=height, encoding=encoding, data=data)  # type: ignore[arg-type]


Box = tuple[float, float, float, float]


def overlap(one: Box, two: Box) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    left, top, right, bottom = (*np.maximum(one[:2], two[:2]), *np.minimum(one[2:], two[2:]))
    shared = max(0.0, right - left) * max(0.0, bottom - top)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return float(shared / (sum(areas) - shared))


@pytest.fixture(scope="module")
def stage() -> TextDetectionStage:
    return TextDetectionStage.load(StageContext(MODEL, threads=2, precision="f32"))


def found(stage: TextDetectionStage, page: PageImage) -> PageCrops:
    (answer,) = stage.run([page])
    assert isinstance(answer, PageCrops)
    return answer


def test_every_line_is_found_once_around_its_ink_from_the_top(stage: TextDetectionStage) -> None:
    answer = found(stage, message(drawn()))
    assert [line.id for line in answer.lines] == ["l1", "l2", "l3"]
    for line, (text, (left, base)) in zip(answer.lines, TEXTS.items(), strict=True):
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.3, 2)
        assert overlap(bounding_box(line.polygon), (left, base - height, left + width, base)) > 0.6
        assert line.score > 0.5


def test_crops_are_raw_lines_of_the_recognisers_height(stage: TextDetectionStage) -> None:
    for crop in found(stage, message(drawn())).crops:
        assert (crop.height, crop.encoding, crop.channels) == (48, "raw", 3)
        pixels = np.frombuffer(crop.data, np.uint8).reshape(48, crop.width, 3)
        assert np.ptp(pixels) > 150


@pytest.mark.parametrize("encoding", ["jpeg", "webp", "tiff"])
def test_encoding_of_the_page_does_not_matter(stage: TextDetectionStage, encoding: str) -> None:
    assert len(found(stage, message(drawn(), encoding)).lines) == len(TEXTS)


def test_huge_jpeg_is_read_at_half_size_in_its_own_coordinates(stage: TextDetectionStage) -> None:
    small = found(stage, message(drawn()))
    large = found(stage, message(cv2.resize(drawn(), None, fx=9, fy=9), "jpeg"))
    assert (large.width, large.height) == (8100, 4500)
    for one, other in zip(small.lines, large.lines, strict=True):
        np.testing.assert_allclose(np.array(other.polygon) / 9, one.polygon, atol=6)


def test_blank_page_has_no_lines(stage: TextDetectionStage) -> None:
    assert found(stage, message(np.full((600, 400, 3), 255, np.uint8))).lines == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (900, 2)])
def test_page_of_odd_shape_is_answered(stage: TextDetectionStage, shape: tuple[int, int]) -> None:
    assert found(stage, message(np.zeros((*shape, 3), np.uint8))).width == shape[1]


def test_page_that_cannot_be_decoded_fails_alone(stage: TextDetectionStage) -> None:
    good, bad = message(drawn(), number=1), message(drawn(), number=2)
    answers = stage.run([good, bad.model_copy(update={"data": bad.data[:500]}), good])
    assert isinstance(answers[1], DocumentError)
    assert [type(answer) for answer in answers[::2]] == [PageCrops, PageCrops]


def test_byte_budget_bounds_the_answer() -> None:
    context = StageContext(MODEL, threads=2, options={"page_crop_bytes": "20000", "crop_height": "32"})
    answer = found(TextDetectionStage.load(context), message(drawn()))
    assert {(crop.height, crop.channels) for crop in answer.crops} == {(32, 1)}
    assert sum(len(crop.data) for crop in answer.crops) <= 20000


@pytest.mark.parametrize(
    "options", [{"crop_height": "tall"}, {"crop_height": "5"}, {"page_crop_bytes": "-1"}]
)
def test_option_that_cannot_work_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        TextDetectionStage.load(StageContext(MODEL, options=options))


def test_model_of_another_stage_is_refused() -> None:
    with pytest.raises(ArtifactError, match="ocr"):
        TextDetectionStage.load(StageContext(artifacts_root() / "pp-ocrv6-small-rec-latin"))
