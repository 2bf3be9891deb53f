"""What a user keeps: result.json is exactly a `DocumentResult`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from hybrid_ocr.contracts.base import (
    SCHEMA_VERSION,
    ElementId,
    Message,
    PageNumber,
    Pixels,
    Probability,
    SchemaVersion,
    UnicodeText,
)
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.geometry import IDENTITY, Matrix3x3, Quad
from hybrid_ocr.contracts.messages import (
    FailedPage,
    ModelIdentity,
    PageAnswer,
    PageImage,
    PageRegions,
    PageText,
    Quadrant,
    Region,
    Seconds,
    StageName,
)

Severity = Literal["info", "warning", "error"]
Verdict = Literal["accept", "review", "reject"]
DocumentStatus = Literal["completed", "partial", "failed"]


class Finding(Message):
    """What a validation rule noticed, and where."""

    rule: str = Field(min_length=1, max_length=64)
    severity: Severity
    page: PageNumber | None = None
    region_id: ElementId | None = None
    line_id: ElementId | None = None
    message: UnicodeText


class Rotation(Message):
    """How the page was turned to stand upright: first the quadrant, then the skew, both clockwise."""

    quadrant: Quadrant = 0
    skew_degrees: float = 0.0


class ResultLine(Message):
    """A line of text in reading order."""

    id: ElementId
    text: str
    confidence: Probability
    polygon: Quad
    region_id: ElementId | None = None


class ResultPage(Message):
    """A page; a failed one has an error and, if it was never opened, no size."""

    number: PageNumber
    width: Pixels | None = None
    height: Pixels | None = None
    rotation: Rotation = Rotation()
    to_original: Matrix3x3 = IDENTITY
    regions: tuple[Region, ...] = ()
    lines: tuple[ResultLine, ...] = ()
    status: Literal["ok", "partial", "failed"]
    error: ErrorInfo | None = None


class FieldMatch(Message):
    """What the pattern of a field captured on one page, and the line on which that starts."""

    value: str = Field(min_length=1)
    page: PageNumber
    line_id: ElementId
    confidence: Probability = Field(description="of the line")


class FieldValue(FieldMatch):
    """The value of a field: its first match in the document, and the first on each later page that has one.

    `later` tells of a document that repeats a value on every page, and of one that has several values.
    """

    later: tuple[FieldMatch, ...] = ()


class DocumentResult(Message):
    """The whole answer for one document."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    job_id: str
    source: UnicodeText
    status: DocumentStatus
    verdict: Verdict
    pages: tuple[ResultPage, ...]
    text: str
    findings: tuple[Finding, ...] = ()
    fields: dict[str, FieldValue] = Field(
        default_factory=dict, description="by name, those fields of the rules that were found"
    )
    bundle: str | None = Field(default=None, description="id of the models the document stayed on")
    models: dict[StageName, ModelIdentity] = Field(default_factory=dict)
    timings: dict[str, Seconds] = Field(default_factory=dict)

    @property
    def document_name(self) -> str:
        """What people call the document, see `contracts.document_name`."""
        return document_name(self.source)


class PageRecord(PageAnswer):
    """A page as it left rotation, without its pixels."""

    width: Pixels
    height: Pixels
    dpi: Annotated[float, Field(gt=0)] | None = None
    to_original: Matrix3x3 = IDENTITY
    quadrant: Quadrant = 0
    skew_degrees: float = 0.0

    @classmethod
    def of(cls, page: PageImage) -> Self:
        """A page without its pixels."""
        return cls.model_validate(page.model_dump(include=set(cls.model_fields)))


class PageParts(Message):
    """All that the stages said about one page: the input of validation."""

    page: Annotated[PageRecord | FailedPage, Field(discriminator="status")]
    regions: Annotated[PageRegions | FailedPage, Field(discriminator="status")] | None = None
    text: Annotated[PageText | FailedPage, Field(discriminator="status")] | None = None


class DocumentParts(Message):
    """All that the stages said about one document: the input of validation.

    `expected_pages` is how many pages were to be read; `error` says why a document could not be opened.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    job_id: str
    source: UnicodeText
    expected_pages: int = Field(ge=0)
    pages: tuple[PageParts, ...]
    error: ErrorInfo | None = None
    bundle: str | None = Field(default=None, description="id of the models the document stayed on")
    models: dict[StageName, ModelIdentity] = Field(default_factory=dict)
    timings: dict[str, Seconds] = Field(default_factory=dict)

    @property
    def dpi(self) -> dict[int, float]:
        """The resolution of each page that has one, by its number."""
        pages = (part.page for part in self.pages)
        return {page.number: page.dpi for page in pages if page.status == "ok" and page.dpi is not None}
