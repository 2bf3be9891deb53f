"""Columns of a table, inferred from the white between its cells."""

from __future__ import annotations

import numpy as np

from hybrid_ocr.contracts.result import ResultLine
from hybrid_ocr.stages.validation.blocks import Row

Cell = tuple[ResultLine, ...]

BINS = 300
"""Places across a table at which white is looked for."""
FREE = 0.12
"""Share of a table's rows that may cross the white between two of its columns: headings often do."""


def table_cells(rows: tuple[Row, ...]) -> list[list[Cell]] | None:
    """Lines by row and column, every line in one cell; None where the rows show no columns.

    Columns are parted by white that hardly any row crosses. A line that spans several columns stands in the
    one it shares most with.
    """
    spans = [row.boxes[:, [0, 2]] for row in rows]
    left = min(float(span[:, 0].min()) for span in spans)
    right = max(float(span[:, 1].max()) for span in spans)
    places = np.linspace(left, right, BINS)
    covered = np.zeros(BINS)
    for span in spans:
        covered += ((places >= span[:, :1]) & (places <= span[:, 1:])).any(axis=0)
    is_column = covered > FREE * len(rows)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_column, [0]])))
    starts, stops = places[edges[::2]], places[edges[1::2] - 1]
    if len(starts) < 2 or sum(len(row.lines) > 1 for row in rows) < 2:
        return None
    table = []
    for row, span in zip(rows, spans, strict=True):
        cells: list[Cell] = [()] * len(starts)
        for line, (start, stop) in zip(row.lines, span.tolist(), strict=True):
            shared = np.minimum(stops, stop) - np.maximum(starts, start)
            column = int(np.argmax(shared))
            cells[column] = (*cells[column], line)
        table.append(cells)
    return table
