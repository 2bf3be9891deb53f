"""The order in which a person reads the lines of a page.

Gutters between columns split a page into what stands above, left, right and below; each part is split again.
What has no gutter is read row by row. Regions are evidence only: a table keeps its rows together, a figure
its labels, a header comes first and a footer last; the order holds where a detector found no region at all.
Idea of the recursive cut: Nagy, Seth, Viswanathan, A prototype document image analysis system for technical
journals (1992); of whitespace between columns: Breuel, Two geometric algorithms for layout analysis (2002).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lambdas.validation.boxes import Boxes, line_boxes, middles, region_boxes
from lambdas.validation.columns import find_gutter
from lambdas.validation.rows import em, group_rows
from ocr_core.contracts.geometry import Quad
from ocr_core.contracts.messages import Label, Region

RUNNING_TEXT: frozenset[Label] = frozenset({"text", "list", "reference", "title", "figure_caption"})
DEEPEST = 24
"""Splits within splits; a real page needs four."""
MARGIN = 0.15
"""Share of the page's text height in which a header or footer may stand."""
ISOLATED = 1.2
"""Gap, in em, that sets a running head or foot apart from the text."""

Indices = NDArray[np.intp]


def reading_order(
    polygons: Sequence[Quad], regions: Sequence[Region], region_of: Sequence[int | None]
) -> list[int]:
    """Indices of lines in reading order; each index once.

    Args:
        polygons: the lines.
        regions: what region detection found; may be empty.
        region_of: for each line the index of its region, or None.
    """
    if not polygons:
        return []
    boxes = line_boxes(polygons)
    labels: list[Label | None] = [None if n is None else regions[n].label for n in region_of]
    prose = region_boxes([r for r in regions if r.label in RUNNING_TEXT])
    head, body, foot = _apart(boxes, labels)
    units = _units(boxes, body, labels, region_of, prose)
    ordered = [*_by_rows(boxes, head), *_split(boxes, units, prose), *_by_rows(boxes, foot)]
    return [int(n) for n in ordered]


def _apart(boxes: Boxes, labels: list[Label | None]) -> tuple[Indices, Indices, Indices]:
    """Header lines, the rest, footer lines: by label or by an isolated row, and only in the margins."""
    top, bottom = float(boxes[:, 1].min()), float(boxes[:, 3].max())
    reach = MARGIN * (bottom - top)
    centre = middles(boxes)
    is_head = np.array([label == "header" for label in labels]) & (centre <= top + reach)
    is_foot = np.array([label == "footer" for label in labels]) & (centre >= bottom - reach)
    rows = group_rows(boxes)
    if len(rows) > 4:
        unit = em(boxes)
        for row, following in ((rows[0], rows[1]), (rows[-1], rows[-2])):
            gap = max(
                float(boxes[following, 1].min() - boxes[row, 3].max()),
                float(boxes[row, 1].min() - boxes[following, 3].max()),
            )
            if gap >= ISOLATED * unit:
                (is_head if row is rows[0] else is_foot)[row] = True
    for row in rows:
        for side, near in ((is_head, centre <= top + reach), (is_foot, centre >= bottom - reach)):
            # A running head is read whole, also where the detector saw only its page number.
            if side[row].any() and near[row].all():
                side[row] = True
    every = np.arange(len(boxes))
    return every[is_head], every[~(is_head | is_foot)], every[is_foot & ~is_head]


def _units(
    boxes: Boxes, body: Indices, labels: list[Label | None], region_of: Sequence[int | None], prose: Boxes
) -> list[Indices]:
    """Units to put in order: each line alone, the lines of a table or figure together.

    A table that is columns of prose is a mistake of the detector, and its lines stay single.
    """
    single: list[Indices] = []
    cells: dict[int, list[int]] = {}
    for index in body.tolist():
        region = region_of[index]
        if region is not None and labels[index] in {"table", "figure"}:
            cells.setdefault(region, []).append(index)
        else:
            single.append(np.array([index]))
    for members in cells.values():
        table = np.array(members)
        if find_gutter(boxes[table], prose, only_prose=True) is None:
            single.append(np.array(_by_rows(boxes, table)))
        else:
            single.extend(np.array([index]) for index in members)
    return single


def _split(boxes: Boxes, units: list[Indices], prose: Boxes, depth: int = 0) -> list[int]:
    """Units in reading order, as line indices."""
    if not units:
        return []
    hulls = np.array([[*boxes[unit, :2].min(axis=0), *boxes[unit, 2:].max(axis=0)] for unit in units])
    gutter = find_gutter(hulls, prose) if depth < DEEPEST else None
    if gutter is None:
        return [int(index) for row in group_rows(hulls) for n in row for index in units[n]]
    parts = (gutter.above, gutter.left, gutter.right, gutter.below)
    return [index for part in parts for index in _split(boxes, [units[n] for n in part], prose, depth + 1)]


def _by_rows(boxes: Boxes, members: Indices) -> list[int]:
    return [int(members[n]) for row in group_rows(boxes[members]) for n in row]
