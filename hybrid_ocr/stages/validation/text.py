"""The text of a page and of a document as people read it: rows, paragraphs, page breaks.

`ResultLine.text` keeps every character that was recognised. Wherever text leaves the lines of result.json it
passes through `printable`, so that a document cannot send control codes to a terminal or turn the direction
of the text that follows it.
"""

from __future__ import annotations

from collections.abc import Iterable

from hybrid_ocr.contracts.result import ResultPage
from hybrid_ocr.stages.validation.blocks import Row, blocks_of

PAGE_BREAK = "\n\f\n"
"""Between two pages: a form feed on a line of its own. A failed or blank page keeps its place, empty."""

WIDE_GAP = 0.6
"""In line heights: fragments further apart than this stay visibly apart."""
CELL_GAP = 0.25
"""The same within a table, where fragments are cells unless they all but touch."""

_REPLACED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF], "\ufffd")
_SPACES = dict.fromkeys([*map(ord, "\t\n\v\f\r"), 0x85, 0x2028, 0x2029], " ")
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF], None)
_PRINTABLE: dict[int, str | None] = {**_REPLACED, **_SPACES, **_DIRECTIONS}


def printable(text: str) -> str:
    """Text on one line without control codes.

    Line breaks and tabs become spaces, other C0 and C1 controls the replacement character; characters that
    embed or override a direction are dropped (Unicode TR36, bidirectional spoofing). Direction marks stay.
    """
    return text.translate(_PRINTABLE)


def row_text(row: Row, *, cells: bool = False) -> str:
    """One row: a space between fragments, three where a wide gap parts them or they are cells of a table."""
    wide = CELL_GAP if cells else WIDE_GAP
    text = printable(row.lines[0].text).strip()
    for gap, line in zip(row.gaps, row.lines[1:], strict=True):
        text += ("   " if gap > wide else " ") + printable(line.text).strip()
    return text.strip()


def page_text(page: ResultPage) -> str:
    """One row a line, an empty line between blocks."""
    return "\n\n".join(
        "\n".join(row_text(row, cells=block.label == "table") for row in block.rows)
        for block in blocks_of(page)
    )


def document_text(pages: Iterable[ResultPage]) -> str:
    """The text of all pages, in order, a form feed between two."""
    return PAGE_BREAK.join(page_text(page) for page in pages)
