"""result.md: the text in reading order, with headings, lists, tables and captions.

Headers and footers of a page are block quotes. Text is escaped: nothing that a document says becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from statistics import fmean

from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.stages.validation.blocks import Block, blocks_of
from hybrid_ocr.stages.validation.boxes import widths
from hybrid_ocr.stages.validation.tables import Cell, table_cells
from hybrid_ocr.stages.validation.text import printable, row_text

FULL_ROW = 0.75
"""A row that fills less of its block than this ends on purpose, and its line break is kept."""
MOSTLY = 0.6
"""Share of the rows of a paragraph that are full, its last apart; below it a block is no paragraph."""

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
    """Rows of a block: those of a paragraph flow, those of an address or receipt keep their breaks."""
    left = min(float(row.boxes[:, 0].min()) for row in block.rows)
    width = max(float(row.boxes[:, 2].max()) for row in block.rows) - left
    full = [float(widths(row.boxes).sum()) >= FULL_ROW * width for row in block.rows]
    flows = fmean(full[:-1] or full) >= MOSTLY
    texts = [escape(row_text(row, cells=block.label == "table")) for row in block.rows]
    kept = ["" if flows and is_full else "\\" for is_full in full[:-1]]
    return "\n".join(text + end for text, end in zip(texts, [*kept, ""], strict=True))


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


def _table(table: list[list[Cell]]) -> str:
    head, *body = [
        [escape(" ".join(printable(line.text).strip() for line in cell)) for cell in row] for row in table
    ]
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))
