"""What an image file becomes: its pixels upright, on white paper, in 8 bits, with a credible resolution."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.opening import DocumentOpener, RawPage
from tests.opening.conftest import Save, outcome
from tests.opening.files import encoded, picture, tiff

ORIENTATION = 0x0112


def page_of(opener: DocumentOpener, save: Save, data: bytes, number: int = 1) -> RawPage:
    return opener.render(save(data), number)


def bgr(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))[..., ::-1]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_lossless_formats_keep_every_pixel(opener: DocumentOpener, save: Save, kind: str) -> None:
    image = picture()
    options = {"lossless": True} if kind == "WEBP" else {}
    path = save(encoded(image, kind, **options))
    assert opener.inspect(path).format == kind.lower()
    page = opener.render(path, 1)
    assert np.array_equal(page.image, bgr(image))
    assert page.image.flags.c_contiguous
    assert page.original is None


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_handed_on_as_it_came(
    opener: DocumentOpener, save: Save, mode: str, progressive: bool
) -> None:
    data = encoded(picture(mode=mode), "JPEG", progressive=progressive)
    page = page_of(opener, save, data)
    assert page.original == data
    assert page.encoding == "jpeg"
    assert page.image.ndim == (2 if mode == "L" else 3)


def test_a_page_without_colour_is_grey(opener: DocumentOpener, save: Save) -> None:
    grey = picture(mode="L")
    page = page_of(opener, save, encoded(grey.convert("RGB"), "PNG"))
    assert np.array_equal(page.image, np.asarray(grey))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(opener: DocumentOpener, save: Save, kind: str, orientation: int) -> None:
    stored = picture()
    # What the tag means (CIPA DC-008): where row 0 and column 0 of the stored pixels belong on the page.
    pixels = bgr(stored)
    meaning = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels[::-1].transpose(1, 0, 2),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: pixels[:, ::-1].transpose(1, 0, 2),
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    page = page_of(opener, save, encoded(stored, kind, exif=exif, **options))
    assert page.image.shape == meaning.shape
    assert np.abs(page.image.astype(int) - meaning).max() <= (4 if kind == "JPEG" else 0)
    assert (page.original is not None) == (kind == "JPEG" and orientation == 1)


@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_lzw", "packbits"])
def test_bilevel_ink_is_black(opener: DocumentOpener, save: Save, compression: str) -> None:
    image = Image.new("1", (64, 48), 1)
    image.paste(0, (8, 8, 40, 24))
    page = page_of(opener, save, encoded(image, "TIFF", compression=compression))
    assert np.array_equal(page.image, np.asarray(image.convert("L")))


@pytest.mark.parametrize(("photometric", "expected"), [(0, [255, 0]), (1, [0, 255])])
def test_bilevel_polarity_is_the_one_the_tiff_states(
    opener: DocumentOpener, save: Save, photometric: int, expected: list[int]
) -> None:
    page = page_of(opener, save, tiff(b"\x40", width=2, bits=1, photometric=photometric))
    assert page.image.tolist() == [expected]


@pytest.mark.parametrize(
    ("order", "photometric", "expected"),
    [("<", 1, [0, 128, 255]), (">", 1, [0, 128, 255]), ("<", 0, [255, 127, 0])],
)
def test_sixteen_bit_grey_is_scaled_not_clipped(
    opener: DocumentOpener, save: Save, order: str, photometric: int, expected: list[int]
) -> None:
    samples = struct.pack(order + "3H", 0, 0x8000, 0xFFFF)
    page = page_of(opener, save, tiff(samples, order=order, width=3, bits=16, photometric=photometric))
    assert page.image.tolist() == [expected]


def test_deep_png_is_scaled_not_clipped(opener: DocumentOpener, save: Save) -> None:
    grey = Image.fromarray(np.array([[0, 0x4000, 0x8000, 0xFFFF]], np.uint16))
    assert page_of(opener, save, encoded(grey, "PNG")).image.tolist() == [[0, 0x40, 0x80, 0xFF]]


def test_float_samples_span_black_to_white(opener: DocumentOpener, save: Save) -> None:
    image = Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert page_of(opener, save, encoded(image, "TIFF")).image.tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white_paper(opener: DocumentOpener, save: Save, mode: str) -> None:
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 0, 255))
    page = page_of(opener, save, encoded(image.convert(mode), "PNG"))
    assert page.image.tolist() == [[0, 255, 255, 255], [255] * 4]


def test_half_transparent_ink_is_half_as_dark(opener: DocumentOpener, save: Save) -> None:
    page = page_of(opener, save, encoded(Image.new("RGBA", (2, 2), (0, 0, 255, 128)), "PNG"))
    assert page.image[0, 0].tolist() == [255, 127, 127]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(
    ("ink", "bgr_colour"),
    [((0, 0, 0, 0), (255, 255, 255)), ((255, 0, 0, 0), (255, 255, 0)), ((0, 0, 0, 255), (0, 0, 0))],
)
def test_cmyk_ink_has_its_colour(
    opener: DocumentOpener,
    save: Save,
    kind: str,
    ink: tuple[int, int, int, int],
    bgr_colour: tuple[int, int, int],
) -> None:
    page = page_of(opener, save, encoded(Image.new("CMYK", (16, 16), ink), kind))
    seen = page.image[8, 8] if page.image.ndim == 3 else np.full(3, page.image[8, 8])
    assert np.abs(seen.astype(int) - bgr_colour).max() <= 3
    assert page.original is None


def test_lab_is_read_by_its_lightness(opener: DocumentOpener, save: Save) -> None:
    image = Image.merge("LAB", [picture(mode="L"), *[Image.new("L", (96, 64), 128)] * 2])
    assert np.array_equal(page_of(opener, save, encoded(image, "TIFF")).image, np.asarray(picture(mode="L")))


def test_frames_of_a_tiff_are_pages_of_their_own_size(opener: DocumentOpener, save: Save) -> None:
    frames = [picture(40 + 8 * k, 30, mode) for k, mode in enumerate(["RGB", "L", "1"])]
    path = save(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    assert opener.inspect(path).page_count == 3
    for number in (3, 1, 2):
        page = opener.render(path, number)
        expected = frames[number - 1]
        assert (page.number, page.image.shape[:2]) == (number, (30, expected.width))
        assert np.array_equal(page.image, bgr(expected) if number == 1 else np.asarray(expected.convert("L")))


def test_fax_pixels_become_square(opener: DocumentOpener, save: Save) -> None:
    data = encoded(Image.new("1", (204, 98), 1), "TIFF", compression="group3", dpi=(204, 98))
    page = page_of(opener, save, data)
    assert page.image.shape == (204, 204)
    assert page.dpi == pytest.approx(204)


@pytest.mark.parametrize(
    ("stated", "believed"), [((300, 300), 300), ((1, 1), None), ((60_000, 60_000), None)]
)
def test_resolution_is_believed_where_it_can_be_true(
    opener: DocumentOpener, save: Save, stated: tuple[int, int], believed: int | None
) -> None:
    page = page_of(opener, save, encoded(picture(), "TIFF", dpi=stated))
    assert page.dpi == (None if believed is None else pytest.approx(believed))


def test_a_phones_second_picture_is_no_page(opener: DocumentOpener, save: Save) -> None:
    path = save(encoded(picture(), "MPO", save_all=True, append_images=[picture(32, 32)]))
    assert opener.inspect(path).page_count == 1
    assert opener.render(path, 1).image.shape == (64, 96, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_animations_are_refused(opener: DocumentOpener, save: Save, kind: str) -> None:
    data = encoded(picture(), kind, save_all=True, append_images=[picture(mode="L").convert("RGB")])
    assert outcome(opener, save(data)) == ErrorCode.UNSUPPORTED_FORMAT
