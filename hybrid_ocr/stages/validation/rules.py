"""What a rule is, and what the rules of a document look at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pydantic import Field

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.result import DocumentParts, FieldValue, ResultPage, Severity, Verdict
from hybrid_ocr.stages.validation.fields import FieldPattern, find_fields


class Violation(NamedTuple):
    """What a rule noticed, and where; the rule's name and severity make a Finding of it."""

    message: str
    page: int | None = None
    region_id: str | None = None
    line_id: str | None = None


@dataclass(frozen=True)
class RuleInput:
    """What the rules look at: one document.

    Args:
        parts: the answers of the stages, pages in order of their number, repeats left out.
        pages: the same pages as the result shows them, in the same order.
        repeated: page numbers that came more than once.
        fields: what the user expects to find.
    """

    parts: DocumentParts
    pages: tuple[ResultPage, ...]
    repeated: tuple[int, ...] = ()
    fields: tuple[FieldPattern, ...] = ()

    @cached_property
    def found_fields(self) -> Mapping[str, FieldValue]:
        """The fields that are on at least one page, by name."""
        return find_fields(self.fields, self.pages)


class Rule(Message):
    """One thing to check. The docstring says what it means to a user; the fields are its settings."""

    enabled: bool = Field(default=True, description="whether the rule is applied")
    severity: Severity = Field(description="how a finding is shown")
    verdict: Verdict | None = Field(
        default=None, description="what a finding does to the document; by default what `policy` says"
    )

    @abstractmethod
    def check(self, document: RuleInput) -> Iterator[Violation]:
        """Every violation of the rule in a document, in order of its pages."""


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
