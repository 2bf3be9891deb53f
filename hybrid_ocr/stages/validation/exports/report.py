"""report.html: one self-contained page to look a document over.

Fields and findings first, then each upright page with its regions and lines drawn over it, and the text
beside it. The page asks for nothing from anywhere: pictures are data, style and script are in it and allowed
by their hash alone, so that text of the document could not run even if it were not escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files as resources
from pathlib import PurePosixPath
from typing import BinaryIO, Literal

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from hybrid_ocr.contracts.result import DocumentResult, Finding, ResultPage
from hybrid_ocr.contracts.stages import stage_title
from hybrid_ocr.stages.validation.blocks import Block, blocks_of
from hybrid_ocr.stages.validation.checks.lines import LowConfidenceLine
from hybrid_ocr.stages.validation.exports.images import PageImages, preview
from hybrid_ocr.stages.validation.rules import RuleSet
from hybrid_ocr.stages.validation.tables import table_cells
from hybrid_ocr.stages.validation.text import WIDE_GAP, page_text, printable

Grade = Literal["sure", "fair", "weak"]

SIZES: tuple[tuple[int, int, int], ...] = ((12, 1400, 72), (40, 1100, 65), (10**9, 900, 60))
"""Pages up to which a picture has a longer side of so many pixels and this JPEG quality."""
MOST_LATER = 8
"""Later pages on which a field was found that are listed beside its value."""
MOST_PICTURES = 150
"""Pages shown with their picture; later ones have text and outlines, and a picture where they are faulted."""


@dataclass(frozen=True)
class Picture:
    """A reduced page as a data URI, with its size in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class PageView:
    """A page as the template shows it."""

    page: ResultPage
    blocks: list[Block]
    picture: Picture | None
    findings: list[Finding]
    confidence: float | None
    text: str


def write_report(
    result: DocumentResult,
    page_image: PageImages,
    sink: BinaryIO,
    rules: RuleSet,
    files: Sequence[str] = (),
) -> None:
    """Write the report, a page at a time.

    Args:
        result: the document.
        page_image: the upright image of a page.
        sink: where the HTML goes; written front to back.
        rules: lines are coloured by the bounds of its rule `low_confidence_line`.
        files: names of files in the same folder that the report links to.
    """
    grade = _grader(rules)
    style, script = _asset("report.css"), _asset("report.js")
    stream = _template().stream(
        result=result,
        # Our own files, which need no escaping; the hashes below are of exactly these characters.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
        files=files,
        lines=sum(len(page.lines) for page in result.pages),
        weak=sum(grade(line.confidence) == "weak" for page in result.pages for line in page.lines),
        regions=sum(len(page.regions) for page in result.pages),
        opened=any(page.width for page in result.pages),
        confidence=_mean(result.pages),
        severities=Counter(finding.severity for finding in result.findings),
        bounds=_bounds(rules),
        grade=grade,
        wide_gap=WIDE_GAP,
        views=_views(result, page_image),
    )
    stream.enable_buffering(64)
    stream.dump(sink, encoding="utf-8")


@cache
def _template() -> Template:
    """Compiled once: that takes longer than to fill it for a page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"printable": printable, "title_of": stage_title, "stem": _stem}
    environment.globals |= {"table_cells": table_cells, "MOST_LATER": MOST_LATER}
    return environment.from_string(_asset("report.html"))


@cache
def _asset(name: str) -> str:
    return resources(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _views(result: DocumentResult, page_image: PageImages) -> Iterator[PageView]:
    longest, quality = next((size, q) for most, size, q in SIZES if len(result.pages) <= most)
    for n, page in enumerate(result.pages):
        own = [finding for finding in result.findings if finding.page == page.number]
        wanted = page.width and (n < MOST_PICTURES or any(f.severity != "info" for f in own))
        image = page_image(page.number) if wanted else None
        picture = None
        if image is not None:
            data, width, height = preview(image[0], longest, quality)
            picture = Picture(f"data:image/jpeg;base64,{b64encode(data).decode()}", width, height)
        yield PageView(page, blocks_of(page), picture, own, _mean((page,)), page_text(page))


def _stem(name: str) -> str:
    return PurePosixPath(name).stem or "result"


def _mean(pages: tuple[ResultPage, ...]) -> float | None:
    """Mean confidence over the characters of pages; None where there are none."""
    lines = [line for page in pages for line in page.lines]
    characters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / characters if characters else None


def _bounds(rules: RuleSet) -> tuple[float, float]:
    rule = rules.rules.get("low_confidence_line")
    if isinstance(rule, LowConfidenceLine):
        return rule.below, rule.sure_from
    default = LowConfidenceLine(severity="info")
    return default.below, default.sure_from


def _grader(rules: RuleSet) -> Callable[[float], Grade]:
    below, sure_from = _bounds(rules)

    def grade(confidence: float) -> Grade:
        return "weak" if confidence < below else "sure" if confidence >= sure_from else "fair"

    return grade


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls a style or script by."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
