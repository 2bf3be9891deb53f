"""Format and size of an encoded image from its first bytes, without decoding a pixel."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode

Encoding = Literal["jpeg", "png", "tiff", "webp"]
_Test = Callable[[bytes], bool]
_Size = Callable[[bytes], tuple[int, int]]


@dataclass(frozen=True)
class ImageHeader:
    """What an image says about itself; width and height in pixels as stored, before any EXIF turn."""

    encoding: Encoding
    width: int
    height: int


def read_header(data: bytes) -> ImageHeader:
    """Format and size of a JPEG, PNG, WebP or classic TIFF (first frame).

    Raises:
        DocumentError: EMPTY_FILE, UNSUPPORTED_FORMAT, or CORRUPT_DOCUMENT where the header makes no sense.
    """
    if not data:
        raise DocumentError("the image has no bytes", code=ErrorCode.EMPTY_FILE)
    for encoding, recognises, size in _FORMATS:
        if recognises(data):
            try:
                width, height = size(data)
            except (struct.error, IndexError, KeyError):
                raise DocumentError(f"the {encoding} header is cut off or makes no sense") from None
            if width < 1 or height < 1:
                raise DocumentError(f"the {encoding} header says {width} x {height} pixels")
            return ImageHeader(encoding, width, height)
    raise DocumentError(
        "the first bytes are not those of a JPEG, PNG, TIFF or WebP", code=ErrorCode.UNSUPPORTED_FORMAT
    )


# ISO/IEC 10918-1, table B.1: start-of-frame markers are C0..CF except C4, C8 and CC; these carry no length:
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise KeyError("marker")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        elif marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + max(2, int(struct.unpack_from(">H", data, at + 2)[0]))


def _png_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _webp_size(data: bytes) -> tuple[int, int]:
    """Sizes of the three chunk kinds, see RFC 9649."""
    kind = data[12:16]
    if kind == b"VP8X":
        low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", data, 24)
        return 1 + low_w + (high_w << 16), 1 + low_h + (high_h << 16)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise KeyError(kind)


def _tiff_size(data: bytes) -> tuple[int, int]:
    """Tags 256 and 257 of the first directory, of type SHORT (3) or LONG (4); see TIFF 6.0, section 2."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    found: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag in {256, 257}:
            found[tag] = int(struct.unpack_from(order + {3: "H", 4: "I"}[kind], data, entry + 8)[0])
    return found[256], found[257]


_FORMATS: Final[tuple[tuple[Encoding, _Test, _Size], ...]] = (
    ("jpeg", lambda data: data.startswith(b"\xff\xd8\xff"), _jpeg_size),
    ("png", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _png_size),
    ("webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp_size),
    ("tiff", lambda data: data[:4] in {b"II*\0", b"MM\0*"}, _tiff_size),
)
