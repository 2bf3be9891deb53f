"""Page images on their way into exports: what a caller hands over, and small copies for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TypeAlias

from PIL import Image

from hybrid_ocr.contracts.errors import DocumentError

EncodedImage: TypeAlias = tuple[bytes, str]
"""Bytes of an upright page and their encoding: jpeg, png, tiff or webp."""

PageImages: TypeAlias = Callable[[int], EncodedImage | None]
"""The upright image of a page number, or None where there is none. Asked twice for each page, in order."""


def open_image(data: bytes) -> Image.Image:
    """An image whose header is read and whose pixels are not yet decoded.

    Raises:
        DocumentError: the bytes are no image.
    """
    with decoding():
        return Image.open(BytesIO(data))


@contextmanager
def decoding() -> Iterator[None]:
    """Turns what a decoder raises on bad bytes into a DocumentError."""
    try:
        yield
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DocumentError(f"a page image does not decode: {type(error).__name__}") from error


def plain(image: Image.Image) -> Image.Image:
    """The same pixels as grey or RGB, on white where they were transparent."""
    if image.mode in {"L", "RGB"}:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    if image.mode.startswith("I"):
        return image.point(lambda value: value / 257).convert("L")
    return image.convert("RGB")


def preview(data: bytes, longest: int, quality: int) -> tuple[bytes, int, int]:
    """A smaller JPEG of a page: its bytes, width and height.

    Args:
        data: the encoded page.
        longest: pixels of its longer side at most.
        quality: of the JPEG, 1 to 95.

    Raises:
        DocumentError: the bytes are no image, or not a whole one.
    """
    image = open_image(data)
    with decoding():
        image.draft(None, (longest, longest))
        small = plain(image)
        small.thumbnail((longest, longest), Image.Resampling.HAMMING, reducing_gap=1.0)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue(), small.width, small.height
