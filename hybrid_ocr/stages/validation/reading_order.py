"""The order in which a person reads the lines of a page.

Gutters between columns split a page into what stands above, left, right and below; each part is split again.
What has no gutter is read row by row. Regions are evidence only: a table keeps its rows together, a figure
its labels, a header comes first and a footer last; the order holds where a detector found no region at all.
Idea of the recursive cut: Nagy, Seth, Viswanathan, A prototype document image analysis system for technical
journals (1992); of whitespace between columns: Breuel, Two geometric algorithms for layout analysis (2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.geometry import Quad
from hybrid_ocr.contracts.messages import Label, Region
from hybrid_ocr.stages.validation.boxes import Boxes, line_boxes, middles, region_boxes, widths
from hybrid_ocr.stages.validation.columns import find_gutter
from hybrid_ocr.stages.validation.rows import em, group_rows

RUNNING_TEXT: frozenset[Label] = frozenset({"text", "list", "reference", "title", "figure_caption"})
DEEPEST = 24
"""Splits within splits; a real page needs four."""
MARGIN = 0.15
"""Share of the page's text height in which a header or footer may stand."""
SHORT_CELL, LONG_CELL = 6.0, 16.0
"""Width in em below which cells of a table are short, and above which a line is no cell."""
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
    single: list[int] = []
    cells: dict[int, list[int]] = {}
    for index in body.tolist():
        region = region_of[index]
        if region is not None and labels[index] in {"table", "figure"}:
            cells.setdefault(region, []).append(index)
        else:
            single.append(index)
    tables = []
    for members in cells.values():
        table = np.array(members)
        if find_gutter(boxes[table], prose, only_prose=True) is None:
            tables.append(np.array(_by_rows(boxes, table)))
        else:
            single += members
    return [*tables, *(np.array([index]) for index in single)]


def _split(boxes: Boxes, units: list[Indices], prose: Boxes, depth: int = 0) -> list[int]:
    """Units in reading order, as line indices.

    A gutter that is not plainly between columns of prose may run through a table: those are looked for
    first, and kept whole.
    """
    if not units:
        return []
    gutter = find_gutter(_hulls(boxes, units), prose) if depth < DEEPEST else None
    if gutter is not None and not gutter.prose:
        units = _bands(boxes, units)
        gutter = find_gutter(_hulls(boxes, units), prose)
    if gutter is None:
        return [int(index) for row in group_rows(_hulls(boxes, units)) for n in row for index in units[n]]
    parts = (gutter.above, gutter.left, gutter.right, gutter.below)
    return [index for part in parts for index in _split(boxes, [units[n] for n in part], prose, depth + 1)]


def _bands(boxes: Boxes, units: list[Indices]) -> list[Indices]:
    """Units with rows of small cells under each other made one: tables that no region tells of.

    Such rows have four cells or more, most of them short and none as long as a line of a column.
    """
    hulls = _hulls(boxes, units)
    wide = widths(hulls) / em(hulls)
    made: list[Indices] = []
    for is_table, rows in groupby(group_rows(hulls), key=lambda row: _is_table_row(wide[row])):
        band = list(rows)
        members = [units[n] for row in band for n in row]
        made += [np.concatenate(members)] if is_table and len(band) >= 3 else members
    return made


def _is_table_row(wide: NDArray[np.float64]) -> bool:
    return len(wide) >= 4 and bool(np.median(wide) < SHORT_CELL) and bool(wide.max() < LONG_CELL)


def _hulls(boxes: Boxes, units: list[Indices]) -> Boxes:
    """The box around the lines of each unit."""
    return np.array([[*boxes[unit, :2].min(axis=0), *boxes[unit, 2:].max(axis=0)] for unit in units])


def _by_rows(boxes: Boxes, members: Indices) -> list[int]:
    return [int(members[n]) for row in group_rows(boxes[members]) for n in row]
