"""What a file is, by its first bytes, and whether it is there to its end. No pixel is decoded here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from ocr_core.contracts.errors import DocumentError, ErrorCode
from ocr_core.opening.document import DocumentFormat

_MAGIC: Final[tuple[tuple[bytes, DocumentFormat], ...]] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
    (b"%PDF-", "pdf"),
)
_PDF_HEADER_WITHIN: Final = 1024
"""Bytes. Readers accept junk before the header up to here (PDF 1.7, appendix H, note 13)."""


class Bytes(Protocol):
    """The bytes of a file: `bytes`, or a map of the file."""

    def __getitem__(self, key: slice, /) -> bytes: ...
    def __len__(self) -> int: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


def sniff(data: Bytes) -> DocumentFormat:
    """The format of a file, whatever its name says.

    Raises:
        DocumentError: UNSUPPORTED_FORMAT, also for animations: only their first picture would be read.
    """
    head = data[:_PDF_HEADER_WITHIN]
    for magic, name in _MAGIC:
        if head.startswith(magic):
            break
    else:
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            name = "webp"
        elif b"%PDF-" in head:
            name = "pdf"
        else:
            raise DocumentError("not a PDF, TIFF, PNG, JPEG or WebP file", code=ErrorCode.UNSUPPORTED_FORMAT)
    if (name == "png" and _is_animated_png(data)) or (name == "webp" and _is_animated_webp(head)):
        raise DocumentError("an animation is not a document", code=ErrorCode.UNSUPPORTED_FORMAT)
    return name


def is_whole(data: Bytes, name: DocumentFormat) -> bool:
    """False where a JPEG, PNG or WebP ends too early. PDF and TIFF say so page by page, elsewhere."""
    if name == "jpeg":
        return is_whole_jpeg(data)
    if name == "png":
        return b"IEND" in _png_chunks(data)
    if name == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def is_whole_jpeg(data: Bytes) -> bool:
    """True where an end-of-image marker follows the first scan. Bytes after it are no harm.

    Within a scan FF is always followed by 00 or a restart marker (ITU T.81, B.1.1.5), so FFD9 there is a true end;
    before the scan it may belong to a thumbnail.
    """
    position = 2
    while (mark := data[position : position + 4])[:1] == b"\xff" and len(mark) == 4:
        if mark[1] == 0xFF:  # fill byte
            position += 1
            continue
        length = int.from_bytes(mark[2:], "big")
        position += 2 + length
        if mark[1] == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
    return False


def _png_chunks(data: Bytes) -> Iterator[bytes]:
    """The type of each chunk that lies wholly within the file."""
    position = 8
    while len(head := data[position : position + 8]) == 8:
        end = position + 12 + int.from_bytes(head[:4], "big")
        if end > len(data):
            break
        yield head[4:]
        position = end


def _is_animated_png(data: Bytes) -> bool:
    """APNG: an acTL chunk stands before the first IDAT."""
    for kind in _png_chunks(data):
        if kind == b"IDAT":
            return False
        if kind == b"acTL":
            return True
    return False


def _is_animated_webp(head: bytes) -> bool:
    """The animation bit of the VP8X chunk (WebP container specification)."""
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 0x02)
