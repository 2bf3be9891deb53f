"""The gutter between columns of prose, told apart from the gaps between the cells of a table.

A gutter is a strip that no line crosses, with text on both of its sides. Receipts and tables have such strips
too, yet they are read row by row. What tells prose: lines that are long and fill the width of their side, or
rows that do not stand level with those of the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.stages.validation.boxes import Boxes, middles, widths
from hybrid_ocr.stages.validation.rows import em, group_rows

BINS_PER_EM = 4
MOST_BINS = 500
MOST_CANDIDATES = 16
FEWEST_ROWS = 3
"""Rows on either side of a gutter."""
NARROWEST = 0.3
"""Width of a gutter, in em (line heights)."""
LONG_LINE = 6.5
"""Ink of a row of prose, in em. A line box has about 2.5 characters a height: some 16 characters."""
SHORT_SHARE = 0.3
"""Share of the rows of prose that may be shorter: ends of paragraphs, headings."""
SHORT_LINE = 3.5
"""The same where other evidence speaks for columns already."""
FULL_LINE = 0.62
"""Share of its side that a median row of prose fills."""
LEVEL = 0.3
"""Two rows whose middles differ by less than this many em stand level."""


@dataclass(frozen=True)
class Gutter:
    """Indices of the boxes above, left of, right of and below a gutter.

    `prose` says that long, full lines stand on both sides; else the evidence is weaker.
    """

    above: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    below: NDArray[np.intp]
    prose: bool


def find_gutter(boxes: Boxes, regions: Boxes, *, only_prose: bool = False) -> Gutter | None:
    """The gutter with most text beside it, or None where the boxes are to be read row by row.

    Args:
        boxes: (N, 4) lines; N x 500 comparisons are made.
        regions: (R, 4) areas that a detector takes for running text; may be empty or wrong.
        only_prose: long, full lines are wanted on both sides; no other evidence will do.
    """
    if len(boxes) < 4:
        return None
    order = np.lexsort((boxes[:, 0], middles(boxes)))
    ordered = boxes[order]
    unit = em(boxes)
    for start, stop, x in _candidates(ordered, unit):
        run = ordered[start:stop]
        on_left = run[:, 2] <= x
        left, right = run[on_left], run[~on_left]
        if right[:, 0].min() - left[:, 2].max() < NARROWEST * unit:
            continue
        evidence = _evidence(left, right, unit, regions)
        if evidence == "prose" or (evidence == "other" and not only_prose):
            inside, prose = order[start:stop], evidence == "prose"
            return Gutter(order[:start], inside[on_left], inside[~on_left], order[stop:], prose)
    return None


def _candidates(ordered: Boxes, unit: float) -> list[tuple[int, int, float]]:
    """Runs of lines (start, stop) that leave a place x free, those with most lines on both sides first."""
    left_edge, right_edge = float(ordered[:, 0].min()), float(ordered[:, 2].max())
    bins = int(min(max((right_edge - left_edge) / unit * BINS_PER_EM, 2), MOST_BINS))
    found: dict[tuple[int, int, int, int], list[float]] = {}
    for x in np.linspace(left_edge, right_edge, bins)[1:-1].tolist():
        is_left = ordered[:, 2] <= x
        crossing = np.flatnonzero((ordered[:, 0] < x) & ~is_left)
        starts = np.append(0, crossing + 1)
        stops = np.append(crossing, len(ordered))
        lefts = np.append(0, np.cumsum(is_left))
        on_left = lefts[stops] - lefts[starts]
        on_right = stops - starts - on_left
        for n in np.flatnonzero(np.minimum(on_left, on_right) >= FEWEST_ROWS).tolist():
            split = int(starts[n]), int(stops[n]), int(on_left[n]), int(on_right[n])
            found.setdefault(split, []).append(x)
    best = sorted(found, key=lambda split: (-min(split[2:]), -len(found[split]), split))[:MOST_CANDIDATES]
    return [(split[0], split[1], found[split][len(found[split]) // 2]) for split in best]


def _evidence(left: Boxes, right: Boxes, unit: float, regions: Boxes) -> Literal["prose", "other", "none"]:
    """What speaks for columns: long, full lines on both sides, or rows that do not stand level."""
    sides = []
    # Prices are short: the side with less ink tells most tables without a look at the other.
    for boxes in sorted((left, right), key=lambda boxes: float(np.median(widths(boxes)))):
        side = _Side.of(boxes, unit)
        if side.rows < FEWEST_ROWS or side.ink < SHORT_LINE:
            return "none"
        sides.append(side)
    if all(side.least >= LONG_LINE and side.fill >= FULL_LINE for side in sides):
        return "prose"
    few, many = sorted(sides, key=lambda side: side.rows)
    level = _share_level(few.middles, many.middles, LEVEL * unit)
    apart = (few.rows >= 6 and level < 0.75) or (level < 0.9 and _flanked(left, right, regions))
    return "other" if apart else "none"


@dataclass(frozen=True)
class _Side:
    """One side of a gutter.

    Args:
        rows: how many there are.
        least: ink in em that all rows have but for the shortest three in ten.
        ink: ink of the median row, in em.
        fill: share of the side that the median row fills.
        middles: vertical middles of the rows, sorted.
    """

    rows: int
    least: float
    ink: float
    fill: float
    middles: NDArray[np.float64]

    @classmethod
    def of(cls, boxes: Boxes, unit: float) -> _Side:
        rows = group_rows(boxes)
        wide, centre = widths(boxes).tolist(), middles(boxes).tolist()
        inks = sorted(sum(wide[n] for n in row) for row in rows)
        ink = median(inks)
        # One line in twenty may stick out on either side.
        odd = len(boxes) // 20
        extent = float(np.sort(boxes[:, 2])[-1 - odd] - np.sort(boxes[:, 0])[odd])
        middle = np.sort([fmean(centre[n] for n in row) for row in rows])
        return cls(
            len(rows), inks[int(SHORT_SHARE * len(rows))] / unit, ink / unit, ink / max(extent, 1.0), middle
        )


def _share_level(few: NDArray[np.float64], many: NDArray[np.float64], within: float) -> float:
    """Share of the rows of one side that stand level with a row of the other; both sorted."""
    at = np.searchsorted(many, few)
    before = np.abs(few - many[np.maximum(at - 1, 0)])
    after = np.abs(few - many[np.minimum(at, len(many) - 1)])
    return float((np.minimum(before, after) <= within).mean())


def _flanked(left: Boxes, right: Boxes, regions: Boxes) -> bool:
    """Whether areas of running text lie on both sides, each covering most lines of its side alone."""
    return bool(_covered(left, right, regions) and _covered(right, left, regions))


def _covered(own: Boxes, other: Boxes, regions: Boxes) -> bool:
    inside_own = np.zeros(len(own), bool)
    for region in regions:
        if not _inside(other, region).any():
            inside_own |= _inside(own, region)
    return bool(inside_own.mean() >= 0.5)


def _inside(boxes: Boxes, region: Boxes) -> NDArray[np.bool_]:
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, middles(boxes)
    within = (x >= region[0]) & (x <= region[2]) & (y >= region[1]) & (y <= region[3])
    return np.asarray(within, np.bool_)
