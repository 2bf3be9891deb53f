"""Where the words of a line stand, as far as the line itself tells.

OCR reads a line as a whole. Words get their share of it by the usual width of their characters: good to about
a character, which is what search highlights need.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from hybrid_ocr.contracts.geometry import Point, Quad
from hybrid_ocr.stages.validation.boxes import bounded
from hybrid_ocr.stages.validation.text import printable

_NARROW = frozenset("iljtfrI.,:;'|!()[]{}`\" ")
_BROAD = frozenset("mwMW@%&")


@dataclass(frozen=True)
class Word:
    """A word and its quad, corners as those of its line."""

    text: str
    polygon: Quad


def words_of(text: str, polygon: Quad) -> list[Word]:
    """The words of a line from left to right; none where the line has no visible text."""
    shown = printable(text)
    polygon = bounded(polygon)
    ends = [0.0]
    for character in shown:
        ends.append(ends[-1] + _advance(character))
    whole = ends[-1] or 1.0
    return [
        Word(match.group(), _slice(polygon, ends[match.start()] / whole, ends[match.end()] / whole))
        for match in re.finditer(r"\S+", shown)
    ]


@lru_cache(maxsize=4096)
def _advance(character: str) -> float:
    """Usual width of a character, in that of a lower-case letter."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2.0
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0.0
    if character in _NARROW:
        return 0.55
    if character in _BROAD:
        return 1.5
    return 1.25 if character.isupper() else 1.0


def _slice(polygon: Quad, start: float, end: float) -> Quad:
    top_left, top_right, bottom_right, bottom_left = polygon
    return (
        _between(top_left, top_right, start),
        _between(top_left, top_right, end),
        _between(bottom_left, bottom_right, end),
        _between(bottom_left, bottom_right, start),
    )


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
