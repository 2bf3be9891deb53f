"""What a rule is, and what the rules of a document look at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pydantic import Field, field_validator

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.result import DocumentParts, ResultPage, Severity, Verdict
from hybrid_ocr.stages.validation.patterns import compile_pattern
from hybrid_ocr.stages.validation.text import page_text


class Complaint(NamedTuple):
    """What a rule noticed, and where; the rule's name and severity make a Finding of it."""

    message: str
    page: int | None = None
    region_id: str | None = None
    line_id: str | None = None


class FieldPattern(Message):
    """A value that users expect in their documents, for example an invoice number.

    `pattern` is in RE2 syntax: matched in time linear in the text, so no pattern and no document can
    stall the check. It has neither back-references nor look-around.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    pattern: str = Field(min_length=1, max_length=500)
    required: bool = True

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            compile_pattern(pattern)
        except RequestError as error:
            raise ValueError(error.message) from None
        return pattern


@dataclass(frozen=True)
class Reading:
    """What the rules look at.

    Args:
        parts: what the stages said, pages in order of their number, repeats left out.
        pages: the same pages as the result shows them, in the same order.
        repeated: page numbers that came more than once.
        fields: what the user expects to find.
    """

    parts: DocumentParts
    pages: tuple[ResultPage, ...]
    repeated: tuple[int, ...] = ()
    fields: tuple[FieldPattern, ...] = ()

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Text of each page, rows and paragraphs put together."""
        return tuple(page_text(page) for page in self.pages)


class Rule(Message):
    """One thing to check. The docstring says what it means to a user; the fields are its settings."""

    enabled: bool = Field(default=True, description="whether the rule is applied")
    severity: Severity = Field(description="how a finding is shown")
    verdict: Verdict | None = Field(
        default=None, description="what a finding does to the document; by default what `policy` says"
    )

    @abstractmethod
    def check(self, reading: Reading) -> Iterator[Complaint]:
        """What is to complain about in a document."""


class Policy(Message):
    """What findings of each severity do to a document; the worst decides."""

    info: Verdict
    warning: Verdict
    error: Verdict
    most_findings_of_a_rule: int = Field(ge=1, le=10_000)

    def verdict_of(self, rule: Rule) -> Verdict:
        """What one finding of a rule does to the document."""
        if rule.verdict is not None:
            return rule.verdict
        return {"info": self.info, "warning": self.warning, "error": self.error}[rule.severity]


@dataclass(frozen=True)
class RuleSet:
    """All rules of a document, by name, and what follows from their findings."""

    policy: Policy
    rules: Mapping[str, Rule]
    fields: tuple[FieldPattern, ...] = ()
