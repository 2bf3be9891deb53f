"""Rules about what came back: was the document opened, is every page there, does it have text."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from hybrid_ocr.contracts.messages import FailedPage
from hybrid_ocr.contracts.stages import stage_title
from hybrid_ocr.stages.validation.rules import Rule, RuleInput, Violation


class DocumentUnreadable(Rule):
    """The document could not be opened, so nothing of it was read."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        error = document.parts.error
        if error is not None:
            yield Violation(f"{error.code}: {error.message}")


class DocumentEmpty(Rule):
    """Pages were read and not one character was found on them."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        read = [page for page in document.pages if page.status != "failed"]
        if read and not any(line.text.strip() for page in read for line in page.lines):
            yield Violation(f"no text on any of {len(read)} pages")


class PageLost(Rule):
    """Fewer pages came back than the document has."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        lost = document.parts.expected_pages - len(document.pages)
        if lost > 0:
            yield Violation(f"{lost} of {document.parts.expected_pages} pages never came back")


class PageUnexpected(Rule):
    """More pages came back than were asked for, or a page came twice; of repeats the best one is kept."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for number in document.repeated:
            yield Violation("this page came back more than once", page=number)
        surplus = len(document.pages) - document.parts.expected_pages
        if surplus > 0:
            yield Violation(
                f"{surplus} more pages came back than the {document.parts.expected_pages} expected"
            )


class PageFailed(Rule):
    """A page could not be read: a stage failed on it, or never answered."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for parts, page in zip(document.parts.pages, document.pages, strict=True):
            if page.status == "failed" and page.error is not None:
                failed = next((a for a in (parts.page, parts.text) if isinstance(a, FailedPage)), None)
                where = f"{stage_title(failed.stage)}: " if failed else ""
                yield Violation(f"{where}{page.error.code}: {page.error.message}", page=page.number)


class RegionsMissing(Rule):
    """Region detection failed on a page. Its text is read, in an order found without regions."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            if page.status == "partial" and page.error is not None:
                yield Violation(f"{page.error.code}: {page.error.message}", page=page.number)


class PageBlank(Rule):
    """No line of text was found on a page."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            if page.status != "failed" and not page.lines:
                yield Violation("no line of text on this page", page=page.number)
