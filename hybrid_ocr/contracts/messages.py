"""What travels between the stages: batches of pages, one outcome a page.

Every batch carries its schema version, the frame of its coordinates and the models that made it. A page that
failed travels on as a `FailedPage` in the place of its result, so one bad page never fails its batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from hybrid_ocr.contracts.base import (
    SCHEMA_VERSION,
    Blob,
    ElementId,
    Message,
    PageNumber,
    Pixels,
    Probability,
    SchemaVersion,
)
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.geometry import IDENTITY, Box, Matrix3x3, Quad

Quadrant = Literal[0, 90, 180, 270]
"""Degrees the page was turned clockwise to stand upright."""

EndpointStage = Literal["region_detection", "text_detection", "ocr"]
"""The stages behind endpoints, in the order of the table (`hybrid_ocr/contracts/stages.py`)."""
StageName = Literal["opening", "rotation", EndpointStage, "validation"]
Label = Literal[
    "title",
    "text",
    "list",
    "table",
    "table_caption",
    "figure",
    "figure_caption",
    "header",
    "footer",
    "reference",
    "equation",
]
Seconds = Annotated[float, Field(ge=0.0)]

Item = TypeVar("Item")
Pages = Annotated[tuple[Item, ...], Field(max_length=2_000)]
"""No batch has more pages than a document may have: what a body can make a server hold is bounded."""
Elements = Annotated[tuple[Item, ...], Field(max_length=20_000)]
"""Regions or lines of one page."""


class ModelIdentity(Message):
    """Which weights answered: the sha256 of the artefact's manifest.json, which pins every file of it."""

    name: str = Field(min_length=1, max_length=128)
    version: str = Field(min_length=1, max_length=64)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class FailedPage(Message):
    """A page that a stage could not process. Later stages pass it on unchanged."""

    status: Literal["failed"] = "failed"
    number: PageNumber
    stage: StageName
    error: ErrorInfo


class PageAnswer(Message):
    """What a stage says of one page; every stage's own answer adds what it found.

    `seconds` is the stage's own time for the page.
    """

    status: Literal["ok"] = "ok"
    number: PageNumber
    seconds: Seconds = 0.0

    @property
    def pixels(self) -> int:
        """How many pixels it brings to a stage that is asked about it; an answer without images has none."""
        return 0

    @property
    def seconds_before(self) -> Mapping[StageName, float]:
        """The time of earlier stages that it passes on, because nobody reads their own answers later."""
        return {}


class PageImage(PageAnswer):
    """One upright page: the input of region detection and of text detection."""

    width: Pixels
    height: Pixels
    dpi: Annotated[float, Field(gt=0)] | None = None
    encoding: Literal["jpeg", "png", "tiff", "webp"]
    data: Blob
    to_original: Matrix3x3 = IDENTITY
    quadrant: Quadrant = 0
    skew_degrees: float = 0.0

    @property
    def pixels(self) -> int:
        """Of the whole page."""
        return self.width * self.height


class Region(Message):
    """A labelled area of a page."""

    id: ElementId
    label: Label
    bbox: Box
    score: Probability


class PageRegions(PageAnswer):
    """What region detection found on one page."""

    width: Pixels
    height: Pixels
    regions: Elements[Region]


class TextLine(Message):
    """Where a line of text stands."""

    id: ElementId
    polygon: Quad
    score: Probability


class LineCrop(Message):
    """The pixels of one line, rectified: text runs from left to right.

    `raw` is (height, width, channels) uint8, C order; three channels are blue, green, red as in OpenCV.
    """

    line_id: ElementId
    width: Pixels
    height: Pixels
    channels: Literal[1, 3] = 3
    encoding: Literal["raw", "jpeg", "png"]
    data: Blob


class PageCrops(PageAnswer):
    """What text detection found on one page, with one crop for each line, in the same order."""

    width: Pixels
    height: Pixels
    lines: Elements[TextLine]
    crops: Elements[LineCrop]

    @property
    def pixels(self) -> int:
        """Of all crops together."""
        return sum(crop.width * crop.height for crop in self.crops)

    @model_validator(mode="after")
    def _one_crop_a_line(self) -> Self:
        if [line.id for line in self.lines] != [crop.line_id for crop in self.crops]:
            raise ValueError("a page carries exactly one crop for each line, in the order of its lines")
        return self


class RecognisedLine(Message):
    """A line with its text.

    `confidence` is the mean of `character_confidence`, which has one value for each character of `text`.
    """

    id: ElementId
    polygon: Quad
    score: Probability
    text: str
    confidence: Probability
    character_confidence: tuple[Probability, ...] = ()


class PageText(PageAnswer):
    """What OCR read on one page; `detection_seconds` is the `seconds` of the crops it read, passed on."""

    width: Pixels
    height: Pixels
    lines: Elements[RecognisedLine]
    detection_seconds: Seconds = 0.0

    @property
    def seconds_before(self) -> Mapping[StageName, float]:
        """Text detection's: the crops are large, so nobody reads them only for this."""
        return {"text_detection": self.detection_seconds}


class Batch(Message):
    """What every batch of pages carries; each kind says which answers its pages are."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    frame: Literal["upright-page-pixels"] = "upright-page-pixels"
    models: dict[StageName, ModelIdentity] = Field(default_factory=dict)
    pages: Pages[Annotated[PageAnswer | FailedPage, Field(discriminator="status")]]


class PageBatch(Batch):
    """Rotation's output; the input of region detection and of text detection."""

    pages: Pages[Annotated[PageImage | FailedPage, Field(discriminator="status")]]


class RegionBatch(Batch):
    """Region detection's output."""

    pages: Pages[Annotated[PageRegions | FailedPage, Field(discriminator="status")]]


class CropBatch(Batch):
    """Text detection's output; byte for byte the input of OCR."""

    pages: Pages[Annotated[PageCrops | FailedPage, Field(discriminator="status")]]


class TextBatch(Batch):
    """OCR's output."""

    pages: Pages[Annotated[PageText | FailedPage, Field(discriminator="status")]]
