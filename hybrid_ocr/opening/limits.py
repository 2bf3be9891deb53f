"""The bounds a document is opened within."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

LONGEST_SIDE: Final = 65_500
"""Pixels. The most a JPEG can carry (libjpeg, JPEG_MAX_DIMENSION), and within what `PageImage` can say."""


class OpeningLimits(BaseModel):
    """How much of this machine one document may take. Every bound ends in an error code of its own.

    200 dpi makes an A4 page 1,654 x 2,339 px, where a line of ten-point text is 28 px tall. A scan inside a
    PDF keeps its own pixels up to one and a half times `dpi` and is reduced by a whole number above that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file_bytes: int = Field(default=100_000_000, ge=1, description="FILE_TOO_LARGE above it")
    page_pixels: int = Field(
        default=50_000_000, ge=1, description="PAGE_TOO_LARGE above it; a PDF page shrinks"
    )
    pages: int = Field(default=2_000, ge=1, le=100_000, description="TOO_MANY_PAGES above it")
    dpi: float = Field(default=200.0, ge=20, le=1200, description="resolution a PDF page is drawn at")
    page_seconds: float = Field(
        default=20.0, gt=0, description="wall clock for one page; DECODE_TIMEOUT after it"
    )
    inspect_seconds: float = Field(default=10.0, gt=0, description="the same for counting pages")
    memory_mib: int = Field(
        default=1536, ge=128, description="heap of the decoding process; DECODE_MEMORY above it"
    )
