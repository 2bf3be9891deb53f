"""The stage as its host calls it: opened pages in, upright encoded pages out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hybrid_ocr.contracts.errors import EngineError
from hybrid_ocr.contracts.geometry import IDENTITY, apply_matrix
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.images import decode_page, encode_image
from hybrid_ocr.opening import DocumentOpener, RawPage
from hybrid_ocr.stages.rotation import RotationStage
from tests.rotation.pages import Page, pages_without_text, text_page, turned


def upright(stage: RotationStage, page: RawPage) -> PageImage:
    (answer,) = stage.run([page])
    assert isinstance(answer, PageImage)
    return answer


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize(("seed", "lines", "angle"), [(1, 40, 0.0), (2, 10, -7.3), (3, 25, 12.8)])
def test_a_page_stands_upright_again(
    stage: RotationStage, quarter: int, seed: int, lines: int, angle: float
) -> None:
    original = turned(text_page(seed, lines=lines), angle)
    given = np.ascontiguousarray(np.rot90(original, quarter))  # quarters anticlockwise
    page = upright(stage, RawPage(4, given, dpi=150.0))
    assert (page.number, page.dpi, page.quadrant) == (4, 150.0, 90 * quarter)
    assert page.skew_degrees == pytest.approx(-angle, abs=0.05)
    pixels = decode_page(page)
    assert pixels.shape == (page.height, page.width, 3)
    again = upright(stage, RawPage(4, pixels))
    assert (again.quadrant, again.skew_degrees) == (0, 0.0)


def test_to_original_finds_the_ink_of_the_page_as_it_was_opened(stage: RotationStage) -> None:
    given = np.ascontiguousarray(np.rot90(turned(text_page(8, lines=12), 9.0)))
    page = upright(stage, RawPage(1, given))
    pixels = decode_page(page)[:, :, 0]
    ys, xs = np.nonzero(pixels < 60)
    where = np.floor(apply_matrix(page.to_original, np.column_stack([xs, ys]) + 0.5)).astype(int)
    around = cv2.erode(given, np.ones((3, 3), np.uint8))
    assert (around[where[:, 1], where[:, 0]] < 128).mean() > 0.999


def test_an_upright_jpeg_passes_through_byte_for_byte(stage: RotationStage) -> None:
    image = text_page(1)
    original = encode_image(image, "jpeg", quality=80)
    page = upright(stage, RawPage(1, image, original=original, encoding="jpeg"))
    assert page.data == original
    assert page.encoding == "jpeg"
    assert page.to_original == IDENTITY


def test_a_turned_jpeg_is_encoded_anew(stage: RotationStage) -> None:
    image = np.ascontiguousarray(np.rot90(text_page(1), 2))
    original = encode_image(image, "jpeg", quality=80)
    page = upright(stage, RawPage(1, image, original=original, encoding="jpeg"))
    assert page.quadrant == 180
    assert np.abs(decode_page(page)[:, :, 0].astype(int) - np.rot90(image, 2)).mean() < 2


@pytest.mark.parametrize("name", pages_without_text())
def test_a_page_without_text_passes_as_it_is(stage: RotationStage, name: str) -> None:
    image = pages_without_text()[name]
    page = upright(stage, RawPage(1, image))
    assert (page.quadrant, page.skew_degrees, page.to_original) == (0, 0.0, IDENTITY)
    assert (page.width, page.height) == (image.shape[1], image.shape[0])


def test_answers_come_in_order_one_for_each_page(stage: RotationStage) -> None:
    pages = [RawPage(number, text_page(number, lines=12, wide=600)) for number in (3, 1, 2)]
    assert [page.number for page in stage.run(pages) if isinstance(page, PageImage)] == [3, 1, 2]
    assert stage.run([]) == []


def test_the_answer_names_the_weights(stage: RotationStage) -> None:
    assert stage.model is not None
    assert stage.model.name == "textline-orientation"


def test_a_broken_engine_is_not_taken_for_a_bad_page() -> None:
    class Broken:
        identity = None

        def __call__(self, crops: Page) -> Page:
            raise EngineError("the device is gone")

    with pytest.raises(EngineError):
        RotationStage(Broken()).run([RawPage(1, text_page(1))])  # type: ignore[arg-type]


def test_real_pages_in_all_four_directions(stage: RotationStage, real_documents: Path) -> None:
    with DocumentOpener() as opener:
        cardinal = real_documents / "rotation" / "cardinal.pdf"
        answers = stage.run([opener.render(cardinal, number) for number in (1, 2, 3, 4)])
        assert [page.quadrant for page in answers if isinstance(page, PageImage)] == [0, 270, 180, 90]
        for name, quadrant in (("", 0), ("-rotated-180", 180), ("-rotated-L", 90)):
            suffix = ".png" if name else ".tif"
            photo = opener.render(real_documents / "rotation" / f"phototest{name}{suffix}", 1)
            assert upright(stage, photo).quadrant == quadrant


def test_real_upright_pages_are_not_turned(stage: RotationStage, real_documents: Path) -> None:
    with DocumentOpener() as opener:
        for path in sorted((real_documents / "pages").glob("*.png")):
            page = upright(stage, opener.render(path, 1))
            assert (page.quadrant, page.skew_degrees) == (0, 0.0), path.name
        for path in sorted((real_documents / "receipts").glob("*.jpg"))[:5]:
            assert upright(stage, opener.render(path, 1)).quadrant == 0, path.name
