"""result.md: the text in reading order, with headings, lists, tables and captions.

Headers and footers of a page are block quotes. Text is escaped: nothing that a document says becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from lambdas.validation.blocks import Block, Row, blocks_of
from lambdas.validation.text import printable, row_text
from ocr_core.contracts.result import DocumentResult

BINS = 300
FREE = 0.12
"""Share of a table's rows that may cross the white between two of its columns: headings often do."""
FULL_ROW = 0.8
"""A row that fills less of its block than this ends on purpose, and its line break is kept."""

_SPECIAL = re.compile(r"([\\`*_\[\]|~])")
_ENTITY = re.compile(r"&(?=#|\w+;)")
_LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s)|[-+=>](?=\s|$)|[-=]{2,}(?=\s*$)|\d{1,9}[.)](?=\s|$))")
_BULLET = re.compile(r"^(?:[-\u2022\u2023\u25aa\u25cf\u25e6\u00b7\u2013]\s+|(\d{1,3})[.)]\s+)")


def write_markdown(result: DocumentResult) -> Iterator[str]:
    """The document as Markdown (CommonMark with GitHub's tables), in pieces; pages are parted by a rule."""
    headed = False
    for n, page in enumerate(result.pages):
        if n:
            yield "---\n\n"
        yield f"<!-- page {page.number} -->\n\n"
        if page.status == "failed":
            yield f"*Page {page.number} could not be read.*\n\n"
        for block in blocks_of(page):
            yield _block(block, heading="##" if headed else "#") + "\n\n"
            headed = headed or block.label == "title"


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = _ENTITY.sub("&amp;", printable(text))
    text = _SPECIAL.sub(r"\\\1", text).replace("<", "&lt;")
    return _LINE_START.sub(lambda m: m[1] + m[2][:-1] + "\\" + m[2][-1], text)


def _block(block: Block, heading: str) -> str:
    texts = [row_text(row, cells=block.label == "table") for row in block.rows]
    match block.label:
        case "title":
            return f"{heading} {escape(' '.join(texts))}"
        case "table":
            cells = table_cells(block.rows)
            return _table(cells) if cells else _lines(block)
        case "figure_caption" | "table_caption":
            text = " ".join(texts).strip()
            return f"*{escape(text)}*" if text else ""
        case "header" | "footer":
            return "\n".join(f"> {escape(text)}" for text in texts)
        case _:
            return _list(texts) if any(_BULLET.match(text) for text in texts) else _lines(block)


def _lines(block: Block) -> str:
    """Rows of a paragraph; rows that end early keep their break, as addresses and receipts need it."""
    left = min(float(row.boxes[:, 0].min()) for row in block.rows)
    width = max(float(row.boxes[:, 2].max()) for row in block.rows) - left
    written = []
    for row in block.rows:
        short = float(row.boxes[:, 2].max()) - left < FULL_ROW * width
        apart = any(gap > 1 for gap in row.gaps)
        written.append(escape(row_text(row)) + ("\\" if short or apart else ""))
    return "\n".join(written).rstrip("\\") if written else ""


def _list(texts: Iterable[str]) -> str:
    written: list[str] = []
    for text in texts:
        bullet = _BULLET.match(text)
        if bullet is None:
            written.append(("  " if written else "") + escape(text))
        else:
            mark = f"{bullet[1]}." if bullet[1] else "-"
            written.append(f"{mark} {escape(text[bullet.end() :])}")
    return "\n".join(written)


def table_cells(rows: tuple[Row, ...]) -> list[list[str]] | None:
    """Texts by row and column, or None where the rows show no columns.

    Columns are parted by white that hardly any row crosses.
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
        cells = [""] * len(starts)
        for line, (start, stop) in zip(row.lines, span.tolist(), strict=True):
            shared = np.minimum(stops, stop) - np.maximum(starts, start)
            column = int(np.argmax(shared))
            cells[column] = f"{cells[column]} {printable(line.text).strip()}".strip()
        table.append(cells)
    return table


def _table(cells: list[list[str]]) -> str:
    head, *body = [[escape(cell) for cell in row] for row in cells]
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))
