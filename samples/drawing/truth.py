"""What a sample document says and where: the truth its reading is held against."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.contracts.base import ElementId, Message, PageNumber, Pixels
from hybrid_ocr.contracts.geometry import Box, Matrix3x3, Quad
from hybrid_ocr.contracts.messages import Label, Quadrant


class TrueLine(Message):
    """A run of text on one baseline, not broken by a wide gap: a cell of a table is a line of its own."""

    id: ElementId
    text: Annotated[str, Field(min_length=1)]
    polygon: Quad = Field(description="pixels of the stored page, clockwise from where the text starts")
    region_id: ElementId


class TrueRegion(Message):
    """A labelled area of the page as it was drawn: upright, flat and straight."""

    id: ElementId
    label: Label
    bbox: Box = Field(description="pixels of the drawn page")


class TruePage(Message):
    """One page, as it is stored in the file and as it was drawn: upright, flat and straight.

    `quadrant` and `skew_degrees` say what makes the stored page upright, both clockwise, the quadrant first.
    """

    number: PageNumber
    width: Pixels = Field(description="of the stored page")
    height: Pixels
    drawn_width: Pixels
    drawn_height: Pixels
    drawn_to_stored: Matrix3x3
    quadrant: Quadrant
    skew_degrees: float
    regions: tuple[TrueRegion, ...]
    lines: tuple[TrueLine, ...] = Field(description="in reading order")


class DocumentTruth(Message):
    """The truth of one file; `text` is every line in reading order, pages parted by a form feed."""

    source: str = Field(description="name of the file beside this one")
    pages: tuple[TruePage, ...]
    text: str
