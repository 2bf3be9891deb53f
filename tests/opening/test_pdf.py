"""What a PDF page becomes: drawn as a reader would, a scan pixel for pixel, never larger than the limit."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from pikepdf import Array, Name
from reportlab.pdfgen.canvas import Canvas

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.opening import DocumentOpener, OpeningLimits
from tests.opening.conftest import Save, outcome
from tests.opening.files import encoded, encrypted, pdf, picture, scan

RED_AT_BOTTOM_LEFT = b"1 0 0 rg 0 0 20 10 re f"
RED = [0, 0, 255]


def test_a_page_is_drawn_at_the_resolution_asked_for(save: Save) -> None:
    with DocumentOpener(OpeningLimits(dpi=144)) as opener:
        page = opener.render(save(pdf(RED_AT_BOTTOM_LEFT)), 1)
    assert page.image.shape == (200, 400, 3)
    assert page.dpi == pytest.approx(144)
    assert page.image[-1, 0].tolist() == RED
    assert page.image[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("turn", "corner"), [(0, (-1, 0)), (90, (0, 0)), (180, (0, -1)), (270, (-1, -1))])
def test_page_rotation_is_obeyed(
    opener: DocumentOpener, save: Save, turn: int, corner: tuple[int, int]
) -> None:
    page = opener.render(save(pdf(RED_AT_BOTTOM_LEFT, Rotate=turn)), 1)
    height, width = page.image.shape[:2]
    assert (width > height) == (turn in {0, 180})
    assert page.image[corner].tolist() == RED


def test_the_crop_box_is_the_page(opener: DocumentOpener, save: Save) -> None:
    page = opener.render(save(pdf(RED_AT_BOTTOM_LEFT, CropBox=Array([0, 0, 20, 10]))), 1)
    assert page.image.shape == (28, 56, 3)
    assert (page.image == RED).all()


def test_pages_without_colour_are_grey(opener: DocumentOpener, save: Save) -> None:
    path = save(pdf(b"0.5 g 0 0 20 10 re f", RED_AT_BOTTOM_LEFT))
    assert opener.inspect(path).page_count == 2
    assert [opener.render(path, number).image.ndim for number in (1, 2)] == [2, 3]


@pytest.mark.parametrize("dpi", [110, 200, 300])
def test_a_scan_keeps_its_own_pixels(opener: DocumentOpener, save: Save, dpi: int) -> None:
    image = picture(dpi * 2, dpi)
    data = scan(zlib.compress(image.tobytes()), image.size, codec="FlateDecode", points=(144, 72))
    page = opener.render(save(data), 1)
    assert page.dpi == pytest.approx(dpi)
    assert np.array_equal(page.image, np.asarray(image)[..., ::-1])


@pytest.mark.parametrize(("dpi", "drawn"), [(600, 300), (400, 200), (96, 200)])
def test_a_scan_too_fine_or_too_coarse_is_resampled(
    opener: DocumentOpener, save: Save, dpi: int, drawn: int
) -> None:
    data = scan(encoded(picture(dpi, dpi), "JPEG"), (dpi, dpi), codec="DCTDecode", points=(72, 72))
    page = opener.render(save(data), 1)
    assert page.dpi == pytest.approx(drawn)
    assert page.image.shape == (drawn, drawn, 3)


def test_decode_array_of_a_scan_is_obeyed(opener: DocumentOpener, save: Save) -> None:
    data = scan(
        zlib.compress(bytes(200 * 200)),
        (200, 200),
        codec="FlateDecode",
        points=(72, 72),
        ColorSpace=Name.DeviceGray,
        Decode=Array([1, 0]),
    )
    assert (opener.render(save(data), 1).image == 255).all()


def test_a_huge_page_is_drawn_as_large_as_the_limit_allows(opener: DocumentOpener, save: Save) -> None:
    with DocumentOpener(OpeningLimits(page_pixels=1_000_000)) as small:
        page = small.render(save(pdf(b"", size=(14_400, 14_400))), 1)
    assert 990_000 < page.image.size <= 1_000_000
    assert page.dpi == pytest.approx(1000 / 200, rel=0.01)


@pytest.mark.parametrize("box", [(0, 0), (3, 14_400), (1e-6, 1e-6), (1e12, 1e12), (-50, -50)])
def test_absurd_page_boxes_end_in_a_page_or_an_error(
    opener: DocumentOpener, save: Save, box: tuple[float, float]
) -> None:
    result = outcome(opener, save(pdf(b"", size=box)))
    if not isinstance(result, ErrorCode):
        assert 1 <= result.image.size <= 50_000_000


def test_a_password_is_asked_for_only_where_there_is_one(opener: DocumentOpener, save: Save) -> None:
    assert outcome(opener, save(encrypted(b"", user="secret"))) == ErrorCode.ENCRYPTED_DOCUMENT
    page = opener.render(save(encrypted(RED_AT_BOTTOM_LEFT, user="")), 1)
    assert page.image[-1, 0].tolist() == RED


def test_form_fields_and_notes_are_drawn(opener: DocumentOpener, save: Save) -> None:
    path = save(b"")
    canvas = Canvas(str(path), pagesize=(200, 100))
    canvas.acroForm.textfield(name="total", value="WWWW", x=20, y=20, width=160, height=40, fontSize=24)
    canvas.showPage()
    canvas.save()
    page = opener.render(path, 1)
    inside = page.image[120:210, 75:480]
    assert (inside < 100).any()


def test_a_broken_cross_reference_table_is_rebuilt(opener: DocumentOpener, save: Save) -> None:
    data = pdf(RED_AT_BOTTOM_LEFT).replace(b"startxref", b"startxxxx")
    assert opener.render(save(b"junk before\n" + data), 1).image[-1, 0].tolist() == RED
