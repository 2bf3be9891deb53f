"""What opening a document gives: its facts, its pages as pixels, and which pages a caller may ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import ErrorCode, RequestError

DocumentFormat = Literal["pdf", "tiff", "png", "jpeg", "webp"]


@dataclass(frozen=True)
class DocumentInfo:
    """What is known of a document before any page of it has been decoded."""

    format: DocumentFormat
    page_count: int
    file_bytes: int


@dataclass(frozen=True, eq=False)
class RawPage:
    """One page as it was opened: not yet turned upright.

    Args:
        number: from 1.
        image: uint8, C order, (height, width) where no pixel has colour, else (height, width, 3) in the order
            blue, green, red.
        dpi: pixels an inch, the same in x and y; None where the file says nothing that can be true.
        original: the file's own bytes where the page is exactly that JPEG file, without turn or resampling
            or conversion, so that it need not be encoded again. None otherwise.
        encoding: how `original` is encoded; None without it.
    """

    number: int
    image: NDArray[np.uint8]
    dpi: float | None = None
    original: bytes | None = None
    encoding: Literal["jpeg"] | None = None


_RANGES: Final = re.compile(r"\d{1,6}(-\d{0,6})?(,\d{1,6}(-\d{0,6})?)*", re.ASCII)
_MOST_PAGES: Final = 999_999
"""More than any document has: page ranges are checked before a document is opened."""


def check_pages(text: str) -> None:
    """Refuse a text that names no pages of any document. Raises RequestError."""
    parse_pages(text, _MOST_PAGES)


def parse_pages(text: str, page_count: int) -> list[int]:
    """Page numbers that a text such as `1-5,8` names, in the order named, each once.

    A range may end after the last page, so that one range serves documents of any length; `3-` has no end.

    Raises:
        RequestError: INVALID_REQUEST where the text is no list of ranges; PAGE_OUT_OF_RANGE where a range
            starts outside a document of `page_count` pages.
    """
    compact = text.replace(" ", "")
    if not _RANGES.fullmatch(compact):
        raise RequestError(f"pages are asked for as in 1-5,8 or 3-, not as {text[:50]!r}")
    pages: dict[int, None] = {}
    for part in compact.split(","):
        first, dash, last = part.partition("-")
        start, end = int(first), int(last or (page_count if dash else first))
        if end < start and last:
            raise RequestError(f"the page range {part} ends before it starts")
        if not 1 <= start <= page_count:
            raise RequestError(
                f"pages {part} asked for, but the document has pages 1 to {page_count}",
                code=ErrorCode.PAGE_OUT_OF_RANGE,
            )
        pages.update(dict.fromkeys(range(start, min(end, page_count) + 1)))
    return list(pages)
