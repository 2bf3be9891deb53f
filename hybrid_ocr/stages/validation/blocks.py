"""Lines in reading order gathered to rows, and rows to blocks: paragraphs, headings, lists, tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

import numpy as np

from hybrid_ocr.contracts.messages import Label
from hybrid_ocr.contracts.result import ResultLine, ResultPage
from hybrid_ocr.stages.validation.boxes import Boxes, heights, line_boxes
from hybrid_ocr.stages.validation.rows import same_row

PARAGRAPH_GAP = 1.45
"""Step to the next row, in steps usual on the page, from which a new paragraph starts."""


FLUSH = 0.65
"""Share of the rows of a block that start at its left edge, for indents to mean anything."""


@dataclass(frozen=True)
class Row:
    """Lines that stand side by side, from left to right.

    Args:
        lines: at least one.
        boxes: their boxes, (n, 4), skew removed.
        region_id: the region of the widest line.
    """

    lines: tuple[ResultLine, ...]
    boxes: Boxes
    region_id: str | None

    @cached_property
    def height(self) -> float:
        """Pixels, of the median line."""
        return float(median(heights(self.boxes).tolist()))

    @cached_property
    def middle(self) -> float:
        """Vertical middle in pixels."""
        return float((self.boxes[:, 1] + self.boxes[:, 3]).mean() / 2)

    @cached_property
    def gaps(self) -> list[float]:
        """White between neighbours, in heights of the row."""
        table = self.boxes.tolist()
        return [(right[0] - left[2]) / self.height for left, right in pairwise(table)]


@dataclass(frozen=True)
class Block:
    """Rows that belong together."""

    label: Label
    region_id: str | None
    rows: tuple[Row, ...]


def blocks_of(page: ResultPage) -> list[Block]:
    """The blocks of a page in reading order; every line of the page in exactly one row of one block."""
    rows = rows_of(page.lines)
    labels = {region.id: region.label for region in page.regions}
    steps = np.array([b.middle - a.middle for a, b in pairwise(rows)])
    down = steps[steps > 0]
    usual = float(np.median(down)) if len(down) else 0.0
    blocks: list[list[Row]] = []
    for n, row in enumerate(rows):
        if n == 0 or _parted(rows[n - 1], row, usual, labels):
            blocks.append([])
        blocks[-1].append(row)
    return [
        Block(labels.get(part[0].region_id or "", "text"), part[0].region_id, tuple(part))
        for block in blocks
        for part in _paragraphs(block, labels)
    ]


def rows_of(lines: tuple[ResultLine, ...]) -> list[Row]:
    """Neighbours in reading order that stand on one row, from left to right."""
    if not lines:
        return []
    boxes = line_boxes([line.polygon for line in lines])
    table = boxes.tolist()
    groups: list[list[int]] = []
    for n, box in enumerate(table):
        last = table[n - 1]
        if n and same_row(last, box) and box[0] > last[0]:
            groups[-1].append(n)
        else:
            groups.append([n])
    return [_row(lines, boxes, group) for group in groups]


def _row(lines: tuple[ResultLine, ...], boxes: Boxes, group: list[int]) -> Row:
    own = boxes[group]
    widest = lines[group[int(np.argmax(own[:, 2] - own[:, 0]))]]
    return Row(tuple(lines[n] for n in group), own, widest.region_id)


def _paragraphs(rows: list[Row], labels: dict[str, Label]) -> list[list[Row]]:
    """Rows parted where a first line is indented, as books set it; whole where rows are not mostly flush."""
    lefts = np.array([row.boxes[0, 0] for row in rows])
    indent = (lefts - np.median(lefts)) / np.median([row.height for row in rows])
    is_table = labels.get(rows[0].region_id or "") == "table"
    if is_table or len(rows) < 4 or (np.abs(indent) < 0.35).mean() < FLUSH:
        return [rows]
    starts = [n for n in range(1, len(rows)) if 0.5 <= indent[n] <= 4 and indent[n - 1] < 0.35]
    return [rows[a:b] for a, b in pairwise([0, *starts, len(rows)])]


def _parted(above: Row, below: Row, usual: float, labels: dict[str, Label]) -> bool:
    """Whether a block ends between two rows that follow each other."""
    if above.region_id != below.region_id:
        return True
    step = below.middle - above.middle
    if step <= 0:
        return True
    if labels.get(below.region_id or "") == "table":
        return False
    return step > PARAGRAPH_GAP * usual and step > PARAGRAPH_GAP * (above.height + below.height) / 2
