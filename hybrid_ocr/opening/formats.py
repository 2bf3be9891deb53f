"""What a file is, by its first bytes, and whether it is there to its end. No pixel is decoded here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.opening import jpeg
from hybrid_ocr.opening.document import DocumentFormat
from hybrid_ocr.opening.jpeg import Bytes

_MAGIC: Final[tuple[tuple[bytes, DocumentFormat], ...]] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
)
_PDF_HEADER_WITHIN: Final = 1024
"""Bytes. Readers accept junk before the header up to here (PDF 1.7, appendix H, note 13)."""
_WEBP_ANIMATION: Final = 0x02
"""Flag of the VP8X chunk (WebP container specification)."""


def sniff(data: Bytes) -> DocumentFormat:
    """The format of a file, whatever its name says.

    Raises:
        DocumentError: UNSUPPORTED_FORMAT, also for animations: only their first picture would be read.
    """
    name = _format(data[:_PDF_HEADER_WITHIN])
    if name is None:
        raise DocumentError("not a PDF, TIFF, PNG, JPEG or WebP file", code=ErrorCode.UNSUPPORTED_FORMAT)
    if _is_animated(data, name):
        raise DocumentError("an animation is not a document", code=ErrorCode.UNSUPPORTED_FORMAT)
    return name


def is_whole(data: Bytes, name: DocumentFormat) -> bool:
    """False where a JPEG, PNG or WebP file ends too early. PDF and TIFF are judged page by page."""
    if name == "jpeg":
        return jpeg.has_end(data)
    if name == "png":
        return b"IEND" in _png_chunks(data)
    if name == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def _format(head: bytes) -> DocumentFormat | None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return "pdf" if b"%PDF-" in head else None


def _is_animated(data: Bytes, name: DocumentFormat) -> bool:
    if name == "webp":
        head = data[12:21]
        return head[:4] == b"VP8X" and len(head) == 9 and bool(head[8] & _WEBP_ANIMATION)
    if name == "png":  # an APNG has its acTL chunk before the first IDAT
        return next((kind for kind in _png_chunks(data) if kind in {b"acTL", b"IDAT"}), None) == b"acTL"
    return False


def _png_chunks(data: Bytes) -> Iterator[bytes]:
    """The type of each chunk that lies wholly within the file."""
    position = 8
    while len(head := data[position : position + 8]) == 8:
        position += 12 + int.from_bytes(head[:4], "big")
        if position > len(data):
            return
        yield head[4:]
