"""JPEGs that end too early. The decoder (libjpeg) fills what is missing with grey and calls it a success."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, Protocol

from PIL import Image

_END: Final = b"\xff\xd9"
_START_OF_SCAN: Final = 0xDA
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_FILL: Final = frozenset({127, 128})
"""Samples of a block whose coefficients are all zero, as libjpeg fills; 127 is 128 of an inverted CMYK."""
_OTHER_FILLING: Final = b"\x2a" * 4096


class Bytes(Protocol):
    """The bytes of a file: `bytes`, or a map of the file."""

    def __getitem__(self, key: slice, /) -> bytes: ...
    def __len__(self) -> int: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int:
        """As `bytes.find`."""


@dataclass(frozen=True)
class _Structure:
    end: int  # where the end-of-image marker stands, or -1
    progressive: bool


def has_end(data: Bytes) -> bool:
    """True where an end-of-image marker follows the first scan. Bytes after it are no harm."""
    return _structure(data).end >= 0


def decodes_whole(data: bytes) -> bool:
    """True where every pixel of a JPEG comes from its data, be the end-of-image marker there or not.

    Decodes it once, and once more if in doubt. Some writers of PDF cut the marker off, which loses no pixel.
    """
    whole = data if has_end(data) else data + _END
    try:
        image = Image.open(io.BytesIO(whole), formats=["JPEG"])
        image.load()
        return not is_filled(whole, image)
    except (OSError, SyntaxError, ValueError):
        return False


def is_filled(data: Bytes, image: Image.Image) -> bool:
    """True where the end-of-image marker came before the last pixel did.

    In doubt (the last pixels are the grey that libjpeg fills with, or the file is progressive, where only a
    late scan may be cut) other data is put before the marker. A whole image does not change by that.

    Args:
        data: the JPEG.
        image: its pixels as they were decoded, nothing turned or converted yet.
    """
    structure = _structure(data)
    if structure.end < 0:
        return True
    if not (structure.progressive or _ends_grey(image)):
        return False
    other = io.BytesIO(data[: structure.end] + _OTHER_FILLING + _END)
    return Image.open(other, formats=["JPEG"]).tobytes() != image.tobytes()


def _ends_grey(image: Image.Image) -> bool:
    width, height = image.size
    last = image.crop((max(width - 2, 0), max(height - 2, 0), width, height)).tobytes()
    return _FILL.issuperset(last)


def _structure(data: Bytes) -> _Structure:
    """Walk the marker segments up to the first scan, then look for the end.

    Within a scan FF is always followed by 00 or a restart marker (ITU-T T.81, B.1.1.5), so FFD9 is a true end
    there; before the scan it may belong to a thumbnail.
    """
    position = 2
    progressive = False
    while len(mark := data[position : position + 4]) == 4 and mark[0] == 0xFF:
        if mark[1] == 0xFF:  # a fill byte
            position += 1
            continue
        progressive = progressive or mark[1] in _PROGRESSIVE
        position += 2 + int.from_bytes(mark[2:], "big")
        if mark[1] == _START_OF_SCAN:
            return _Structure(data.find(_END, position), progressive)
    return _Structure(-1, progressive)
