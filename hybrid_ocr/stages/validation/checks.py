"""Every rule there is, under the name that findings carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
from pydantic import Field
from typing_extensions import override

from hybrid_ocr.contracts.base import Probability
from hybrid_ocr.contracts.geometry import bounding_box
from hybrid_ocr.contracts.messages import FailedPage, Label, PageRegions, PageText, Region
from hybrid_ocr.contracts.result import PageParts, ResultPage
from hybrid_ocr.stages.validation.boxes import LIMIT
from hybrid_ocr.stages.validation.characters import has_hidden_controls, mixes_scripts, symbol_share
from hybrid_ocr.stages.validation.patterns import compile_pattern
from hybrid_ocr.stages.validation.rules import Complaint, Reading, Rule

TEXT_LABELS: Final[frozenset[Label]] = frozenset(
    {"title", "text", "list", "table", "table_caption", "figure_caption", "header", "footer", "reference"}
)


class DocumentUnreadable(Rule):
    """The document could not be opened, so nothing of it was read."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        error = reading.parts.error
        if error is not None:
            yield Complaint(f"{error.code}: {error.message}")


class DocumentEmpty(Rule):
    """Pages were read and not one character was found on them."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        read = [page for page in reading.pages if page.status != "failed"]
        if read and not any(line.text.strip() for page in read for line in page.lines):
            yield Complaint(f"no text on any of {len(read)} pages")


class PageLost(Rule):
    """Fewer pages came back than the document has."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        lost = reading.parts.expected_pages - len(reading.pages)
        if lost > 0:
            yield Complaint(f"{lost} of {reading.parts.expected_pages} pages never came back")


class PageUnexpected(Rule):
    """More pages came back than were asked for, or a page came twice; of repeats the best one is kept."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for number in reading.repeated:
            yield Complaint("this page came back more than once", page=number)
        surplus = len(reading.pages) - reading.parts.expected_pages
        if surplus > 0:
            yield Complaint(
                f"{surplus} more pages came back than the {reading.parts.expected_pages} expected"
            )


class PageFailed(Rule):
    """A page could not be read: a stage failed on it, or never answered."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for parts, page in zip(reading.parts.pages, reading.pages, strict=True):
            if page.status == "failed" and page.error is not None:
                failed = next((a for a in (parts.page, parts.text) if isinstance(a, FailedPage)), None)
                where = f"{failed.stage}: " if failed else ""
                yield Complaint(f"{where}{page.error.code}: {page.error.message}", page=page.number)


class RegionsMissing(Rule):
    """Region detection failed on a page. Its text is read, in an order found without regions."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            if page.status == "partial" and page.error is not None:
                yield Complaint(f"{page.error.code}: {page.error.message}", page=page.number)


class PageBlank(Rule):
    """No line of text was found on a page."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            if page.status != "failed" and not page.lines:
                yield Complaint("no line of text on this page", page=page.number)


class StagesDisagree(Rule):
    """A stage answered for another page, or for a page of another size, than rotation handed it."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for parts in reading.parts.pages:
            page = parts.page
            for name, answer in (("region detection", parts.regions), ("OCR", parts.text)):
                if answer is None:
                    continue
                if answer.number != page.number:
                    yield Complaint(f"{name} answered for page {answer.number}", page=page.number)
                elif not isinstance(answer, FailedPage) and not isinstance(page, FailedPage):
                    ours, theirs = (page.width, page.height), (answer.width, answer.height)
                    if ours != theirs:
                        yield Complaint(f"{name} saw {theirs} pixels, not {ours}", page=page.number)


class IdRepeated(Rule):
    """Two lines or two regions of a page came with the same id; the later one got a number behind it."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for parts in reading.parts.pages:
            for kind, ids in _ids(parts):
                repeated = sum(count - 1 for count in Counter(ids).values())
                if repeated:
                    yield Complaint(f"{repeated} ids of {kind} repeated", page=parts.page.number)


class OutsidePage(Rule):
    """A line or region lies outside its page, so its coordinates cannot be right."""

    tolerance: float = Field(default=0.01, ge=0, description="share of the page's width and height")

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            for line in page.lines:
                if self._leaves(page, bounding_box(line.polygon)):
                    yield Complaint("the line leaves its page", page=page.number, line_id=line.id)
            for region in page.regions:
                if self._leaves(page, region.bbox):
                    yield Complaint("the region leaves its page", page=page.number, region_id=region.id)

    def _leaves(self, page: ResultPage, box: tuple[float, float, float, float]) -> bool:
        width, height = page.width or 1, page.height or 1
        x, y = self.tolerance * width, self.tolerance * height
        return box[0] < -x or box[1] < -y or box[2] > width + x or box[3] > height + y


class RegionWithoutLines(Rule):
    """A region that should hold text holds no line: text detection may have missed it."""

    least_score: Probability = Field(default=0.6, description="regions scored below are not looked at")
    least_area: Probability = Field(default=0.005, description="share of the page's area, likewise")

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            if page.status == "failed":
                continue
            corners = np.array([line.polygon for line in page.lines]).reshape(-1, 4, 2)
            middles = np.clip(corners, -LIMIT, LIMIT).mean(axis=1)
            for region in page.regions:
                if not self._counts(page, region):
                    continue
                box = np.array(region.bbox)
                if not np.all((middles >= box[:2]) & (middles <= box[2:]), axis=1).any():
                    yield Complaint(f"no line of text in this {region.label}", page.number, region.id)

    def _counts(self, page: ResultPage, region: Region) -> bool:
        left, top, right, bottom = region.bbox
        large = (right - left) * (bottom - top) >= self.least_area * (page.width or 1) * (page.height or 1)
        return large and region.label in TEXT_LABELS and region.score >= self.least_score


class LineWithoutText(Rule):
    """Text detection found a line and OCR read nothing on it."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            for line in page.lines:
                if not line.text.strip():
                    yield Complaint("nothing was read on this line", page.number, line_id=line.id)


class LowConfidenceLine(Rule):
    """A line was read with little confidence. The report colours lines by the same bounds."""

    below: Probability = Field(default=0.7, description="a line read with less is weak")
    sure_from: Probability = Field(default=0.9, description="the report shows a line as sure from here")

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            for line in page.lines:
                if line.text.strip() and line.confidence < self.below:
                    message = f"read with confidence {line.confidence:.2f}, below {self.below:.2f}"
                    yield Complaint(message, page.number, line_id=line.id)


class LowConfidencePage(Rule):
    """The characters of a page were read with little confidence on average."""

    below: Probability = Field(default=0.85, description="mean confidence over the characters of a page")

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            characters = sum(len(line.text) for line in page.lines)
            if characters:
                mean = sum(line.confidence * len(line.text) for line in page.lines) / characters
                if mean < self.below:
                    message = f"mean confidence {mean:.2f}, below {self.below:.2f}"
                    yield Complaint(message, page.number)


class ImplausibleCharacters(Rule):
    """A line is mostly symbols, or has words in two alphabets: it may be a picture, or misread."""

    most_symbols: Probability = Field(default=0.5, description="share of characters that may be symbols")
    least_length: int = Field(default=6, ge=1, description="lines with fewer characters are not looked at")

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            for line in page.lines:
                if len(line.text) < self.least_length:
                    continue
                share = symbol_share(line.text)
                if share > self.most_symbols:
                    yield Complaint(f"{share:.0%} of this line are symbols", page.number, line_id=line.id)
                elif mixes_scripts(line.text):
                    yield Complaint("a word of this line mixes alphabets", page.number, line_id=line.id)


class HiddenControls(Rule):
    """A line has control characters, or characters that turn the direction of text.

    result.json keeps them; text, exports and report show none.
    """

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        for page in reading.pages:
            for line in page.lines:
                if has_hidden_controls(line.text):
                    yield Complaint("control characters in this line", page.number, line_id=line.id)


class RequiredFieldMissing(Rule):
    """A field that the rules file requires is on no page."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        yield from _missing_fields(reading, required=True)


class OptionalFieldMissing(Rule):
    """A field that the rules file names as optional is on no page."""

    @override
    def check(self, reading: Reading) -> Iterator[Complaint]:
        yield from _missing_fields(reading, required=False)


RULES: Final[dict[str, type[Rule]]] = {
    "document_unreadable": DocumentUnreadable,
    "document_empty": DocumentEmpty,
    "page_lost": PageLost,
    "page_unexpected": PageUnexpected,
    "page_failed": PageFailed,
    "regions_missing": RegionsMissing,
    "page_blank": PageBlank,
    "stages_disagree": StagesDisagree,
    "id_repeated": IdRepeated,
    "outside_page": OutsidePage,
    "region_without_lines": RegionWithoutLines,
    "line_without_text": LineWithoutText,
    "low_confidence_line": LowConfidenceLine,
    "low_confidence_page": LowConfidencePage,
    "implausible_characters": ImplausibleCharacters,
    "hidden_controls": HiddenControls,
    "required_field_missing": RequiredFieldMissing,
    "optional_field_missing": OptionalFieldMissing,
}


def _ids(parts: PageParts) -> Iterator[tuple[str, list[str]]]:
    if isinstance(parts.text, PageText):
        yield "lines", [line.id for line in parts.text.lines]
    if isinstance(parts.regions, PageRegions):
        yield "regions", [region.id for region in parts.regions.regions]


def _missing_fields(reading: Reading, *, required: bool) -> Iterator[Complaint]:
    for field in reading.fields:
        if field.required is required:
            pattern = compile_pattern(field.pattern)
            if not any(pattern.search(text) for text in reading.texts):
                yield Complaint(f"field {field.name} is on no page")
