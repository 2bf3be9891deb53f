"""A truncated image is never passed on as whole, wherever it was cut and however it was patched up."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.opening import DocumentOpener, RawPage
from tests.opening.conftest import Save, outcome
from tests.opening.files import cut_at_each_tenth, encoded, picture, scan, tiff

END = b"\xff\xd9"
DAMAGE = {ErrorCode.TRUNCATED_IMAGE, ErrorCode.CORRUPT_DOCUMENT}
FILES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(picture(), "JPEG"),
    "jpeg, progressive": lambda: encoded(picture(), "JPEG", progressive=True),
    "jpeg, grey, restarts": lambda: encoded(picture(mode="L"), "JPEG", restart_marker_blocks=2),
    "png": lambda: encoded(picture(), "PNG"),
    "png, bilevel": lambda: encoded(picture(mode="1"), "PNG"),
    "webp": lambda: encoded(picture(), "WEBP"),
    "webp, lossless": lambda: encoded(picture(), "WEBP", lossless=True),
    "tiff": lambda: encoded(picture(), "TIFF"),
    "tiff, many strips": lambda: encoded(picture(), "TIFF", compression="tiff_lzw", strip_size=1000),
    "tiff, fax": lambda: encoded(picture(mode="1"), "TIFF", compression="group4"),
    "tiff, jpeg": lambda: encoded(picture(), "TIFF", compression="jpeg"),
}


@pytest.mark.parametrize("name", FILES)
def test_no_cut_passes_as_whole(opener: DocumentOpener, save: Save, name: str) -> None:
    data = FILES[name]()
    assert isinstance(outcome(opener, save(data)), RawPage)
    outcomes = [outcome(opener, save(part)) for part in cut_at_each_tenth(data)]
    assert set(outcomes) <= DAMAGE
    if not name.startswith("tiff"):  # a TIFF's directory may stand at its end: then nothing is known of it
        assert set(outcomes[2:]) == {ErrorCode.TRUNCATED_IMAGE}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jpeg")])
@pytest.mark.parametrize("tenth", range(4, 10))
def test_an_end_marker_put_after_the_cut_deceives_nobody(
    opener: DocumentOpener, save: Save, name: str, tenth: int
) -> None:
    data = FILES[name]()
    scan_start = data.index(b"\xff\xda") + 20
    cut = scan_start + (len(data) - scan_start) * tenth // 11
    assert outcome(opener, save(data[:cut] + END)) == ErrorCode.TRUNCATED_IMAGE


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_whole_picture_of_the_decoders_grey_is_whole(
    opener: DocumentOpener, save: Save, mode: str, progressive: bool
) -> None:
    picture_ending_grey = picture(mode=mode)
    picture_ending_grey.paste(128 if mode == "L" else (128,) * 3, (0, 32, 96, 64))
    data = encoded(picture_ending_grey, "JPEG", progressive=progressive)
    assert isinstance(outcome(opener, save(data)), RawPage)


def test_bytes_after_the_end_of_a_jpeg_are_no_harm(opener: DocumentOpener, save: Save) -> None:
    assert isinstance(outcome(opener, save(encoded(picture(), "JPEG") + b"camera notes" * 50)), RawPage)


def test_a_thumbnails_end_is_not_the_pictures_end(opener: DocumentOpener, save: Save) -> None:
    data = encoded(picture(), "JPEG")
    thumbnail = encoded(picture(16, 16), "JPEG")
    with_thumbnail = data[:2] + b"\xff\xec" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + data[2:]
    assert isinstance(outcome(opener, save(with_thumbnail)), RawPage)
    assert outcome(opener, save(with_thumbnail[:-40])) == ErrorCode.TRUNCATED_IMAGE


@pytest.mark.parametrize(
    "data",
    [
        tiff(b"\x00" * 100, width=10, height=10, count=90),
        tiff(b"\x00" * 100, width=10, height=10, count=101 + 200),
        tiff(b"\x00" * 50, width=10, height=10, t278=5),
    ],
    ids=["a strip too short", "a strip beyond the file", "a strip missing"],
)
def test_strips_of_a_tiff_are_counted(opener: DocumentOpener, save: Save, data: bytes) -> None:
    assert outcome(opener, save(data)) == ErrorCode.TRUNCATED_IMAGE


def test_frames_before_the_cut_are_still_read(opener: DocumentOpener, save: Save) -> None:
    whole = tiff(b"\x00" * 100, width=10, height=10, frames=3)
    path = save(whole[:-20])
    assert opener.inspect(path).page_count == 3
    results = [outcome(opener, path, number) for number in (1, 2, 3)]
    assert isinstance(results[0], RawPage)
    assert isinstance(results[1], RawPage)
    assert results[2] == ErrorCode.TRUNCATED_IMAGE


@pytest.mark.parametrize("ending", [b"", END])
def test_a_jpeg_cut_short_within_a_pdf(opener: DocumentOpener, save: Save, ending: bytes) -> None:
    image = picture(400, 400)
    data = encoded(image, "JPEG")
    half = data[: len(data) // 2] + ending
    result = outcome(opener, save(scan(half, image.size, codec="DCTDecode", points=(144, 144))))
    assert result == ErrorCode.TRUNCATED_IMAGE


def test_a_jpeg_within_a_pdf_may_lack_its_end_marker_alone(opener: DocumentOpener, save: Save) -> None:
    image = picture(400, 400)
    data = encoded(image, "JPEG").removesuffix(END)
    result = outcome(opener, save(scan(data, image.size, codec="DCTDecode", points=(144, 144))))
    assert isinstance(result, RawPage)


def test_a_deflated_image_cut_short_within_a_pdf(opener: DocumentOpener, save: Save) -> None:
    image = picture(400, 400)
    data = zlib.compress(image.tobytes())
    whole_but_for_its_checksum = scan(data[:-4], image.size, codec="FlateDecode", points=(144, 144))
    assert isinstance(outcome(opener, save(whole_but_for_its_checksum)), RawPage)
    half = scan(data[: len(data) // 2], image.size, codec="FlateDecode", points=(144, 144))
    assert outcome(opener, save(half)) == ErrorCode.TRUNCATED_IMAGE
