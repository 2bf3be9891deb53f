"""Boxes that stand side by side on one row."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf
from operator import itemgetter
from statistics import fmean

import numpy as np

from hybrid_ocr.stages.validation.boxes import Boxes, heights, middles

OPEN_ROWS = 48
"""Rows a box is compared with; bounds the work on a page of garbage."""
SHARED_HEIGHT = 0.5
"""Share of the smaller height two neighbours of a row have in common."""
SHARED_WIDTH = 0.35
"""Share of the smaller width two neighbours of a row may have in common: detectors draw boxes generously."""


@dataclass
class _Row:
    """Indices of boxes, from left to right."""

    members: list[int] = field(default_factory=list)
    lefts: list[float] = field(default_factory=list)
    bottom: float = -inf


def group_rows(boxes: Boxes) -> list[list[int]]:
    """Indices of boxes by row: rows from top to bottom, boxes of a row from left to right.

    A box joins the row of its neighbour on the left or right, so a row may bend as it does on a
    crumpled receipt. At most 48 rows are open at a time: the work grows with N, not with its square.
    """
    rows: list[_Row] = []
    table = boxes.tolist()
    for index in np.lexsort((boxes[:, 2], boxes[:, 0], middles(boxes))).tolist():
        top = table[index][1]
        near = [row for row in rows[-OPEN_ROWS:] if row.bottom > top]
        fitting = [(_distance(table, row, index), row) for row in near]
        distance, row = min(fitting, key=itemgetter(0), default=(inf, None))
        if row is None or distance == inf:
            row = _Row()
            rows.append(row)
        at = bisect_left(row.lefts, table[index][0])
        row.members.insert(at, index)
        row.lefts.insert(at, table[index][0])
        row.bottom = max(row.bottom, table[index][3])
    centre = middles(boxes).tolist()
    grouped = [row.members for row in rows]
    return sorted(grouped, key=lambda row: (fmean(centre[n] for n in row), table[row[0]][0]))


def same_row(a: list[float], b: list[float]) -> bool:
    """Whether two boxes stand side by side: they share height and hardly any width."""
    shared_y = min(a[3], b[3]) - max(a[1], b[1])
    shared_x = min(a[2], b[2]) - max(a[0], b[0])
    low = max(min(a[3] - a[1], b[3] - b[1]), 1.0)
    narrow = max(min(a[2] - a[0], b[2] - b[0]), 1.0)
    return shared_y >= SHARED_HEIGHT * low and shared_x <= SHARED_WIDTH * narrow


def _distance(table: list[list[float]], row: _Row, index: int) -> float:
    """Vertical distance from a box to its nearest neighbour in a row; infinite where it does not belong."""
    box = table[index]
    at = bisect_left(row.lefts, box[0])
    neighbours = [table[n] for n in row.members[max(at - 1, 0) : at + 1]]
    if not all(same_row(box, other) for other in neighbours):
        return inf
    return min(abs(box[1] + box[3] - other[1] - other[3]) for other in neighbours)


def em(boxes: Boxes) -> float:
    """Median height of the boxes: the unit in which gaps are measured."""
    return float(np.median(heights(boxes))) if len(boxes) else 1.0
