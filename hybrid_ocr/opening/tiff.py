"""The chain of a TIFF's directories, walked without reading tags, and whether a frame's data is all there.

Layout: TIFF 6.0, section 2; BigTIFF as in libtiff's description (8-byte counts and offsets).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.opening.jpeg import Bytes

IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_BYTE_COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
UNCOMPRESSED: Final = 1
JPEG: Final = 7
MIN_IS_WHITE: Final = 0
SEPARATE_PLANES: Final = 2


@dataclass(frozen=True)
class _Layout:
    order: Literal["little", "big"]
    count: int  # bytes of the entry count
    entry: int
    offset: int
    first: int  # where the offset of the first directory stands


def directories(data: Bytes, most: int) -> list[int]:
    """Offsets of the directories (frames), at most `most + 1` of them, so that the work is bounded.

    The chain ends at 0 and where it bites its own tail. A link that points beyond the file is kept as the
    last one: a frame is missing there, and opening it says so.
    """
    layout = _layout(data)
    offsets: dict[int, None] = {}
    offset = _number(data, layout, layout.first, layout.offset)
    while offset and offset not in offsets and len(offsets) <= most:
        offsets[offset] = None
        if not lies_within(data, offset):
            break
        entries = _number(data, layout, offset, layout.count)
        offset = _number(data, layout, offset + layout.count + entries * layout.entry, layout.offset)
    if not offsets:
        raise DocumentError("a TIFF without a frame")
    return list(offsets)


def lies_within(data: Bytes, offset: int) -> bool:
    """True where a directory lies wholly within the file."""
    layout = _layout(data)
    entries = _number(data, layout, offset, layout.count)
    return offset + layout.count + entries * layout.entry + layout.offset <= len(data)


def is_whole_frame(data: Bytes, tags: Mapping[int, Any]) -> bool:
    """True where every strip or tile that a frame needs is there with all its bytes.

    Decoders differ in what they do about missing strips: some leave the rows black without a word.
    """
    tiled = TILE_OFFSETS in tags
    offsets = tags.get(TILE_OFFSETS if tiled else STRIP_OFFSETS, ())
    counts = tags.get(TILE_BYTE_COUNTS if tiled else STRIP_BYTE_COUNTS, ())
    if len(offsets) < _segments(tags, tiled=tiled):
        return False
    if not counts:  # allowed to be missing where nothing is compressed; the decoder notices the file's end
        return bool(tags.get(COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED)
    if len(counts) < len(offsets):
        return False
    if any(count == 0 or offset + count > len(data) for offset, count in zip(offsets, counts, strict=False)):
        return False
    compression = tags.get(COMPRESSION, UNCOMPRESSED)
    if compression == UNCOMPRESSED and not tiled:
        return bool(sum(counts) >= _uncompressed_bytes(tags))
    if compression == JPEG:
        return all(
            data.find(b"\xff\xd9", offset, offset + count) >= 0
            for offset, count in zip(offsets, counts, strict=False)
        )
    return True


def _segments(tags: Mapping[int, Any], *, tiled: bool) -> int:
    width, height = tags[IMAGE_WIDTH], tags[IMAGE_LENGTH]
    planes = tags.get(SAMPLES_PER_PIXEL, 1) if tags.get(PLANAR) == SEPARATE_PLANES else 1
    if tiled:
        across, down = -(-width // max(tags[TILE_WIDTH], 1)), -(-height // max(tags[TILE_LENGTH], 1))
        return int(across * down * planes)
    rows = max(min(tags.get(ROWS_PER_STRIP, height), height), 1)
    return int(-(-height // rows) * planes)


def _uncompressed_bytes(tags: Mapping[int, Any]) -> int:
    bits = tags.get(BITS_PER_SAMPLE, (1,))
    samples = tags.get(SAMPLES_PER_PIXEL, len(bits))
    row = -(-tags[IMAGE_WIDTH] * bits[0] * samples // 8)
    return int(row * tags[IMAGE_LENGTH])


def _layout(data: Bytes) -> _Layout:
    head = data[:4]
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    if 43 in head[2:4]:
        return _Layout(order, count=8, entry=20, offset=8, first=8)
    return _Layout(order, count=2, entry=12, offset=4, first=4)


def _number(data: Bytes, layout: _Layout, position: int, size: int) -> int:
    field = data[position : position + size]
    if len(field) < size:
        raise DocumentError("the TIFF ends within its directory", code=ErrorCode.TRUNCATED_IMAGE)
    return int.from_bytes(field, layout.order)
