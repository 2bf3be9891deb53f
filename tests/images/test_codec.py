"""Pages are decoded whole or refused; nothing is decoded that its header does not announce."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.images import Encoding, decode_page, encode_image, read_header

ENCODINGS: tuple[Encoding, ...] = ("jpeg", "png", "tiff", "webp")


def picture(height: int = 61, width: int = 83) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 255, (height, width, 3), np.uint8)


def page(data: bytes, encoding: Encoding, width: int = 83, height: int = 61) -> PageImage:
    return PageImage(number=1, width=width, height=height, encoding=encoding, data=data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_header_tells_format_and_size(encoding: Encoding) -> None:
    header = read_header(encode_image(picture(), encoding))
    assert (header.encoding, header.width, header.height) == (encoding, 83, 61)


@pytest.mark.parametrize("encoding", ["png", "tiff"])
def test_lossless_formats_come_back_as_they_were(encoding: Encoding) -> None:
    assert np.array_equal(decode_page(page(encode_image(picture(), encoding), encoding)), picture())


def test_grey_image_becomes_three_channels() -> None:
    grey = picture()[..., 0]
    assert np.array_equal(decode_page(page(encode_image(grey, "png"), "png")), np.dstack([grey] * 3))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_cut_image_is_never_passed_as_whole(encoding: Encoding, share: float) -> None:
    data = encode_image(picture(), encoding)
    with pytest.raises(DocumentError):
        decode_page(page(data[: int(len(data) * share)], encoding))


def test_cut_jpeg_is_called_truncated() -> None:
    data = encode_image(picture(), "jpeg")
    with pytest.raises(DocumentError) as caught:
        decode_page(page(data[:-40], "jpeg"))
    assert caught.value.code == ErrorCode.TRUNCATED_IMAGE


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_document_error(data: bytes) -> None:
    with pytest.raises(DocumentError):
        decode_page(page(data, "jpeg"))


@given(st.integers(0, 400), st.integers(0, 255))
def test_damaged_header_never_escapes_as_another_error(at: int, value: int) -> None:
    for encoding in ENCODINGS:
        data = bytearray(encode_image(picture(), encoding))
        data[at % len(data)] = value
        try:
            header = read_header(bytes(data))
        except DocumentError:
            continue
        assert header.width > 0
        assert header.height > 0


def test_size_other_than_declared_is_refused_before_decoding() -> None:
    with pytest.raises(DocumentError, match="declared as png of 10 x 10"):
        decode_page(page(encode_image(picture(), "png"), "png", 10, 10))


def test_bomb_is_refused_by_its_header() -> None:
    bomb = encode_image(np.zeros((1, 1), np.uint8), "png")
    bomb = bomb[:16] + (30_000).to_bytes(4, "big") * 2 + bomb[24:]
    with pytest.raises(DocumentError) as caught:
        decode_page(page(bomb, "png", 30_000, 30_000))
    assert caught.value.code == ErrorCode.PAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("wanted", "decoded"), [((400, 300), 1), ((200, 150), 2), ((51, 40), 4), ((1, 1), 8)]
)
def test_jpeg_is_decoded_no_larger_than_needed(wanted: tuple[int, int], decoded: int) -> None:
    image = cv2.resize(picture(), (400, 300))
    whole = page(encode_image(image, "jpeg"), "jpeg", 400, 300)
    height, width = decode_page(whole, at_least=wanted).shape[:2]
    assert (width, height) == (-(-400 // decoded), -(-300 // decoded))
    assert width >= wanted[0]
    assert height >= wanted[1]
