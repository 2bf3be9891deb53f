"""How well lines were found and read: H-mean, character error rate, word precision and recall.

Everything is a count that adds up over documents, so that a total is micro-averaged: every line, character or
word weighs the same, whichever page it stands on. docs/benchmark.md has the formulas.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

Polygon = NDArray[np.floating]
"""Corners, shape (N, 2), in page pixels."""

Normalise = Callable[[str], str]


class LocatedLine(Protocol):
    """A line of text and where it stands, of the truth or as it was read."""

    @property
    def polygon(self) -> Polygon:
        """Corners, shape (4, 2)."""
        ...

    @property
    def text(self) -> str:
        """What the line says."""
        ...


def letters(text: str) -> str:
    """Letters and digits alone, in one case.

    Spaces, punctuation and case are left out because truth made by hand is not consistent in them (SROIE is
    all upper case). Compatibility forms (full-width, ligatures) count as what they stand for.
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def plain(text: str) -> str:
    """The text in one case, with single spaces: what `letters` forgives is counted here."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(texts: Iterable[str]) -> Counter[str]:
    """The bag of words: what stands between spaces, as `letters`; a word of punctuation alone is none."""
    return Counter(word for text in texts for part in text.split() if (word := letters(part)))


@dataclass(frozen=True)
class Counts:
    """How many were expected, how many were found, and how many of those agree."""

    hits: int = 0
    truth: int = 0
    found: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.truth + other.truth, self.found + other.found)

    @property
    def recall(self) -> float:
        """Share of the truth that was found; 1 where there was nothing to find."""
        return self.hits / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1 where nothing was found."""
        return self.hits / self.found if self.found else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, called H-mean for lines."""
        total = self.truth + self.found
        return 2 * self.hits / total if total else 1.0


@dataclass(frozen=True)
class Edits:
    """Characters to insert, delete or replace, and how many characters the truth has."""

    edits: int = 0
    characters: int = 0

    def __add__(self, other: Edits) -> Edits:
        return Edits(self.edits + other.edits, self.characters + other.characters)

    @property
    def rate(self) -> float:
        """Character error rate; more than 1 where more was invented than there was."""
        return self.edits / self.characters if self.characters else float(self.edits > 0)


def overlaps(first: Sequence[Polygon], second: Sequence[Polygon]) -> NDArray[np.float64]:
    """Intersection over union of the convex hulls of every pair, shape (len(first), len(second))."""
    rows, columns = _hulls(first)[:, None], _hulls(second)[None, :]
    shared = shapely.area(shapely.intersection(rows, columns))
    union = shapely.area(rows) + shapely.area(columns) - shared
    ratio = np.zeros(shared.shape)
    np.divide(shared, union, out=ratio, where=union > 0)
    return ratio


def match(
    truth: Sequence[Polygon], found: Sequence[Polygon], threshold: float = 0.5
) -> list[tuple[int, int]]:
    """Pairs (index in truth, index in found) with an overlap of `threshold` or more, best first, one to one.

    As in the ICDAR competitions (Karatzas et al., ICDAR 2015, challenge 4), but where several would fit the
    best overlap wins instead of the first in the file.
    """
    values = overlaps(truth, found)
    rows, columns = np.nonzero(values >= threshold)
    pairs: list[tuple[int, int]] = []
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    for index in np.argsort(-values[rows, columns], kind="stable"):
        row, column = int(rows[index]), int(columns[index])
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    return pairs


def count_lines(truth: Sequence[LocatedLine], found: Sequence[LocatedLine], threshold: float = 0.5) -> Counts:
    """Lines that were found where they stand, whatever was read there."""
    pairs = match([line.polygon for line in truth], [line.polygon for line in found], threshold)
    return Counts(len(pairs), len(truth), len(found))


def count_edits(
    truth: Sequence[LocatedLine],
    found: Sequence[LocatedLine],
    normalise: Normalise = letters,
    threshold: float = 0.5,
) -> Edits:
    """Edit distance over the lines that were found; a line that was not is counted by `count_lines` alone."""
    total = Edits()
    for row, column in match([line.polygon for line in truth], [line.polygon for line in found], threshold):
        expected, read = normalise(truth[row].text), normalise(found[column].text)
        total += Edits(Levenshtein.distance(expected, read), len(expected))
    return total


def count_words(truth: Iterable[str], found: Iterable[str]) -> Counts:
    """Words of one page that agree as bags: order and place do not matter, how often does."""
    expected, read = words(truth), words(found)
    return Counts((expected & read).total(), expected.total(), read.total())


def _hulls(polygons: Sequence[Polygon]) -> NDArray[np.object_]:
    """The hull mends quads whose corners come in a crossed order."""
    hulls = np.empty(len(polygons), object)
    hulls[:] = [shapely.MultiPoint(polygon).convex_hull for polygon in polygons]
    return hulls
