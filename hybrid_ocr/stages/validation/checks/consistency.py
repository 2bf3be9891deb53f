"""Rules about how answers fit together: stages with each other, lines and regions with their page."""

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
from hybrid_ocr.stages.validation.rules import Rule, RuleInput, Violation

TEXT_LABELS: Final[frozenset[Label]] = frozenset(
    {"title", "text", "list", "table", "table_caption", "figure_caption", "header", "footer", "reference"}
)


class StagesDisagree(Rule):
    """A stage answered for another page, or for a page of another size, than rotation handed it."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for parts in document.parts.pages:
            page = parts.page
            for name, answer in (("region detection", parts.regions), ("OCR", parts.text)):
                if answer is None:
                    continue
                if answer.number != page.number:
                    yield Violation(f"{name} answered for page {answer.number}", page=page.number)
                elif not isinstance(answer, FailedPage) and not isinstance(page, FailedPage):
                    ours, theirs = (page.width, page.height), (answer.width, answer.height)
                    if ours != theirs:
                        yield Violation(f"{name} saw {theirs} pixels, not {ours}", page=page.number)


class IdRepeated(Rule):
    """Two lines or two regions of a page came with the same id; the later one got a number behind it."""

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for parts in document.parts.pages:
            for kind, ids in _ids(parts):
                repeated = sum(count - 1 for count in Counter(ids).values())
                if repeated:
                    yield Violation(f"{repeated} ids of {kind} repeated", page=parts.page.number)


class OutsidePage(Rule):
    """A line or region lies outside its page, so its coordinates cannot be right."""

    tolerance: float = Field(default=0.01, ge=0, description="share of the page's width and height")

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            for line in page.lines:
                if self._leaves(page, bounding_box(line.polygon)):
                    yield Violation("the line leaves its page", page=page.number, line_id=line.id)
            for region in page.regions:
                if self._leaves(page, region.bbox):
                    yield Violation("the region leaves its page", page=page.number, region_id=region.id)

    def _leaves(self, page: ResultPage, box: tuple[float, float, float, float]) -> bool:
        width, height = page.width or 1, page.height or 1
        x, y = self.tolerance * width, self.tolerance * height
        return box[0] < -x or box[1] < -y or box[2] > width + x or box[3] > height + y


class RegionWithoutLines(Rule):
    """A region that should hold text holds no line: text detection may have missed it."""

    least_score: Probability = Field(default=0.6, description="regions scored below are not looked at")
    least_area: Probability = Field(default=0.005, description="share of the page's area, likewise")

    @override
    def check(self, document: RuleInput) -> Iterator[Violation]:
        for page in document.pages:
            if page.status == "failed":
                continue
            corners = np.array([line.polygon for line in page.lines]).reshape(-1, 4, 2)
            middles = np.clip(corners, -LIMIT, LIMIT).mean(axis=1)
            for region in page.regions:
                if not self._counts(page, region):
                    continue
                box = np.array(region.bbox)
                if not np.all((middles >= box[:2]) & (middles <= box[2:]), axis=1).any():
                    yield Violation(f"no line of text in this {region.label}", page.number, region.id)

    def _counts(self, page: ResultPage, region: Region) -> bool:
        left, top, right, bottom = region.bbox
        large = (right - left) * (bottom - top) >= self.least_area * (page.width or 1) * (page.height or 1)
        return large and region.label in TEXT_LABELS and region.score >= self.least_score


def _ids(parts: PageParts) -> Iterator[tuple[str, list[str]]]:
    if isinstance(parts.text, PageText):
        yield "lines", [line.id for line in parts.text.lines]
    if isinstance(parts.regions, PageRegions):
        yield "regions", [region.id for region in parts.regions.regions]
