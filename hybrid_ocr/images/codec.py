"""Decoding the image of a page, and encoding arrays."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.contracts.messages import PageImage
from hybrid_ocr.images.header import Encoding, ImageHeader, read_header

MAX_PIXELS: Final = 100_000_000
"""No page is decoded that has more; opening keeps pages below half of it, deskewing may enlarge them."""

# What a whole file ends with. Some decoders fill the missing part of a cut image with grey and say nothing.
_TRAILER: Final = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_TRAILER_WINDOW: Final = 65_536

# A JPEG decoder can leave out the finest frequencies and so halve the size at a fraction of the time.
_REDUCED: Final = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)


def decode_page(page: PageImage, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The pixels of a page, (height, width, 3) uint8; see `decode_image`."""
    return decode_image(page.data, page.encoding, (page.width, page.height), at_least=at_least)


def decode_image(
    data: bytes, encoding: Encoding, size: tuple[int, int], *, at_least: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """The pixels of an image, (height, width, 3) uint8 blue, green, red, as stored (no EXIF turn).

    Args:
        data: the encoded image.
        encoding: what it must be.
        size: the (width, height) it must have.
        at_least: (width, height) that suffice. A JPEG is then decoded to the smallest of its full, half,
            quarter or eighth size that has them; other formats are decoded whole.

    Raises:
        DocumentError: PAGE_TOO_LARGE, TRUNCATED_IMAGE, UNSUPPORTED_FORMAT, or CORRUPT_DOCUMENT.
    """
    header = read_header(data)
    if (header.encoding, (header.width, header.height)) != (encoding, size):
        raise DocumentError(
            f"declared as {encoding} of {size[0]} x {size[1]} pixels, the image is {header.encoding} of "
            f"{header.width} x {header.height}"
        )
    if header.width * header.height > MAX_PIXELS:
        raise DocumentError(
            f"the image has {header.width} x {header.height} pixels, the limit is {MAX_PIXELS:,}",
            code=ErrorCode.PAGE_TOO_LARGE,
        )
    if _TRAILER.get(encoding, b"") not in data[-_TRAILER_WINDOW:]:
        raise DocumentError("the image is cut off before its end", code=ErrorCode.TRUNCATED_IMAGE)
    flags = _decoding_flags(header, at_least or size) | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise DocumentError(f"the {encoding} image cannot be decoded")
    return np.asarray(image, np.uint8)


def _decoding_flags(header: ImageHeader, at_least: tuple[int, int]) -> int:
    if header.encoding == "jpeg":
        for factor, flag in _REDUCED:
            if header.width >= at_least[0] * factor and header.height >= at_least[1] * factor:
                return int(flag)
    return int(cv2.IMREAD_COLOR)


def encode_image(image: NDArray[np.uint8], encoding: Encoding = "jpeg", *, quality: int = 95) -> bytes:
    """An image, (height, width) or (height, width, 3) uint8 in the order blue, green, red, as bytes.

    Args:
        image: the pixels; neither side may be zero.
        encoding: the format; PNG and TIFF keep every pixel as it is.
        quality: of JPEG and WebP, 1 to 100.
    """
    settings = {
        "jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
        "tiff": [],
    }[encoding]
    suffix = ".jpg" if encoding == "jpeg" else f".{encoding}"
    done, data = cv2.imencode(suffix, np.ascontiguousarray(image), settings)
    if not done:
        raise ValueError(
            f"an array of shape {image.shape} and type {image.dtype} cannot be written as {encoding}"
        )
    return data.tobytes()
