"""Events on the bus: two in, three out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.contracts.base import SCHEMA_VERSION, Message, SchemaVersion
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.result import Verdict

EVENT_SOURCE = "hybrid-ocr"
"""The EventBridge source of outgoing events; a producer of DocumentSubmitted may use any but the test's."""
TEST_SOURCE = "hybrid-ocr.test"
"""The source of events about test documents, in and out: no production rule matches it."""
MOST_ATTEMPTS = 99
"""Of one job."""
PAGE_RANGES = r"^\d+(-\d+)?(,\d+(-\d+)?)*$"
ASKED_PAGES = r"^\d+(-\d*)?(,\d+(-\d*)?)*$"
"""A producer may leave the end of a range open; a plan of the flow never does."""
S3Uri = Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$", max_length=1100)]


class ReadOptions(Message):
    """What a producer may ask for."""

    pages: str | None = Field(
        default=None, pattern=ASKED_PAGES, max_length=1_000, description="for example 1-5,8 or 3-"
    )
    script: str | None = Field(default=None, max_length=32)


class TestRun(Message):
    """Marks a document that is a test: it runs through everything and never reaches a production rule."""

    __test__ = False

    id: str = Field(min_length=1, max_length=64)
    truth: S3Uri | None = None


class DocumentSubmitted(Message):
    """A producer asks for a document to be read."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    source: S3Uri
    options: ReadOptions = ReadOptions()
    test: TestRun | None = None


class JobRedriven(Message):
    """Somebody asks for the document of a job that has ended to be read again.

    `attempt` is the number that the new attempt gets: asked for twice, it is made once.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    job_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    attempt: int = Field(ge=2, le=MOST_ATTEMPTS)


class PageCounts(Message):
    """How many pages were asked for, read, and lost."""

    expected: int = Field(ge=0)
    read: int = Field(ge=0)
    failed: int = Field(ge=0)


class _Outcome(Message):
    schema_version: SchemaVersion = SCHEMA_VERSION
    job_id: str
    attempt: int = Field(
        default=1,
        ge=1,
        le=MOST_ATTEMPTS,
        description="what comes twice has the same job and attempt",
    )
    source: S3Uri
    test: TestRun | None = None


class DocumentCompleted(_Outcome):
    """The document was read and its verdict is accept."""

    verdict: Verdict
    result: S3Uri
    counts: PageCounts


class DocumentNeedsReview(_Outcome):
    """The document was read, in part or whole, and a rule asks for a person."""

    verdict: Verdict
    result: S3Uri
    counts: PageCounts


class DocumentFailed(_Outcome):
    """The document could not be read."""

    error: ErrorInfo
    result: S3Uri | None = None
