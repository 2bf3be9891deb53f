"""The text of a page and of a document as people read it: rows, paragraphs, page breaks.

`ResultLine.text` keeps every character that was recognised. Wherever text leaves the lines of result.json it
passes through `printable`, so that a document cannot send control codes to a terminal or turn the direction
of the text that follows it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from hybrid_ocr.contracts.result import ResultLine, ResultPage
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
    return "".join(space + text for space, text, _ in _fragments(row, cells=cells))


def page_text(page: ResultPage) -> str:
    """One row a line, an empty line between blocks."""
    return locate_text(page).text


@dataclass(frozen=True)
class LocatedText:
    """The text of a page, and where in it each line starts.

    Args:
        text: see `page_text`.
        starts: of each line that has text, in ascending order; characters from the start of `text`.
        lines: the lines that start there.
    """

    text: str
    starts: tuple[int, ...]
    lines: tuple[ResultLine, ...]

    def line_at(self, position: int) -> ResultLine | None:
        """The line of a character; of white between lines, the line before it."""
        n = bisect_right(self.starts, position)
        return self.lines[n - 1] if n else None


def locate_text(page: ResultPage) -> LocatedText:
    """The text of a page, with the way from a place in it back to the line that stands there."""
    pieces: list[str] = []
    starts: list[int] = []
    lines: list[ResultLine] = []
    length = 0
    for n, block in enumerate(blocks_of(page)):
        for m, row in enumerate(block.rows):
            before = "\n" if m else "\n\n" if n else ""
            for space, text, line in _fragments(row, cells=block.label == "table"):
                if text:
                    starts.append(length + len(before) + len(space))
                    lines.append(line)
                pieces += before, space, text
                length += len(before) + len(space) + len(text)
                before = ""
            pieces.append(before)
            length += len(before)
    return LocatedText("".join(pieces), tuple(starts), tuple(lines))


def _fragments(row: Row, *, cells: bool) -> list[tuple[str, str, ResultLine]]:
    """The lines of a row, each with its text and the white before it; the row has none at its ends."""
    wide = CELL_GAP if cells else WIDE_GAP
    spaces = ["", *("   " if gap > wide else " " for gap in row.gaps)]
    texts = [printable(line.text).strip() for line in row.lines]
    first = next((n for n, text in enumerate(texts) if text), len(texts))
    last = next((n for n in range(len(texts), first, -1) if texts[n - 1]), first)
    return [("" if n == first else spaces[n], texts[n], row.lines[n]) for n in range(first, last)]


def document_text(pages: Iterable[ResultPage]) -> str:
    """The text of all pages, in order, a form feed between two."""
    return PAGE_BREAK.join(page_text(page) for page in pages)
