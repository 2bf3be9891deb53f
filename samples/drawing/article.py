"""A three-page article in two columns, with a figure, a table and references, as a journal would print it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybrid_ocr.contracts.messages import Label
from samples.drawing.sheet import Sheet, Style

WIDTH, HEIGHT, DPI = 595.0, 842.0, 150.0
_COLUMN, _LEFT, _RIGHT = 240.0, 48.0, 307.0
_TOP, _BOTTOM = 84.0, 782.0

_BODY: Final = Style("serif", 10.4, 13.1)
_HEADING: Final = Style("serif-bold", 12.0, 20.0)
_TITLE: Final = Style("serif-bold", 21.0, 26.0)
_BYLINE: Final = Style("serif-italic", 11.5)
_SMALL: Final = Style("serif", 9.0, 11.2)
_CAPTION: Final = Style("serif-italic", 9.2, 11.4)

_ABSTRACT = (
    "Abstract. As many more individuals of each species are born than can possibly survive, and as "
    "consequently there is a frequently recurring struggle for existence, it follows that any being, if it "
    "vary however slightly in any manner profitable to itself, will have a better chance of surviving, and "
    "thus be naturally selected."
)
_STATIONS = (
    ("Porto Praya, Cape Verde", "January 1832"),
    ("Bahia, Brazil", "February 1832"),
    ("Montevideo", "July 1832"),
    ("Tierra del Fuego", "December 1832"),
    ("Valparaiso, Chile", "July 1834"),
    ("Galapagos Archipelago", "September 1835"),
    ("Tahiti", "November 1835"),
    ("Sydney, New South Wales", "January 1836"),
    ("Cape of Good Hope", "May 1836"),
    ("Falmouth, England", "October 1836"),
)
_REFERENCES = (
    "1. Malthus, T. R. An Essay on the Principle of Population. London: J. Johnson, 1798.",
    "2. Lamarck, J.-B. Philosophie zoologique. Paris: Dentu, 1809.",
    "3. Lyell, C. Principles of Geology. London: John Murray, 1830-1833.",
    "4. Darwin, C. Journal of Researches. London: Henry Colburn, 1839.",
    "5. Wallace, A. R. On the Tendency of Varieties to Depart from the Original Type. London, 1858.",
)


@dataclass(frozen=True)
class _Column:
    """Room for text: a sheet, the left edge and the first baseline."""

    sheet: Sheet
    x: float
    top: float


def draw(texts: Path) -> list[Sheet]:
    """The pages of the article, set from article.txt in the folder of texts."""
    pages: list[Sheet] = []
    columns = _columns(pages)
    flow = _Flow(columns)
    for block in (texts / "article.txt").read_text().split("\n\n"):
        if block.startswith("# "):
            flow.heading(block.removeprefix("# ").strip())
        else:
            flow.block(block, _BODY, "text", indent=12.0)
    flow.heading("References")
    for reference in _REFERENCES:
        flow.block(reference, _SMALL, "reference")
    for _ in columns:  # what is left of the last page still gets its furniture
        pass
    return pages


class _Flow:
    """Sets blocks of text one below the other, from column to column."""

    def __init__(self, columns: Iterator[_Column]) -> None:
        self._columns = columns
        self._column = next(columns)
        self._y = self._column.top

    def heading(self, text: str) -> None:
        if self._y + _HEADING.leading + 2 * _BODY.leading > _BOTTOM:
            self._next_column()
        if self._y > self._column.top:
            self._y += 9.0
        with self._column.sheet.region("title"):
            self._column.sheet.text(self._column.x, self._y, text, _HEADING)
        self._y += _HEADING.leading

    def block(self, text: str, style: Style, label: Label, *, indent: float = 0.0) -> None:
        """A paragraph; the part of it in each column is a region of its own."""
        lines = self._column.sheet.wrapped(text, _COLUMN, style, indent=indent)
        while lines:
            if self._y > _BOTTOM:
                self._next_column()
            fitting = 1 + int((_BOTTOM - self._y) // style.leading)
            column = self._column
            with column.sheet.region(label):
                for line in lines[:fitting]:
                    column.sheet.justified(column.x + indent, self._y, _COLUMN - indent, line, style)
                    self._y, indent = self._y + style.leading, 0.0
            lines = lines[fitting:]
        self._y += 2.0

    def _next_column(self) -> None:
        self._column = next(self._columns)
        self._y = self._column.top


def _columns(pages: list[Sheet]) -> Iterator[_Column]:
    """Columns in reading order. Headers, the figure and the table are drawn on the way."""
    for number in (1, 2, 3):
        sheet = Sheet(WIDTH, HEIGHT, DPI)
        pages.append(sheet)
        with sheet.region("header"):
            sheet.text(_LEFT, 52, "THE NATURALIST'S QUARTERLY", _SMALL)
            sheet.text(_RIGHT + _COLUMN, 52, f"Vol. IV, No. 2 - Page {16 + number}", _SMALL, "r")
            sheet.rule([(_LEFT, 58), (_RIGHT + _COLUMN, 58)])
        top = _front(sheet) if number == 1 else _TOP
        yield _Column(sheet, _LEFT, _figure(sheet, _LEFT) if number == 2 else top)
        yield _Column(sheet, _RIGHT, _table(sheet, _RIGHT) if number == 3 else top)
        with sheet.region("footer"):
            sheet.text(WIDTH / 2, 812, f"{16 + number}", _SMALL, "m")


def _front(sheet: Sheet) -> float:
    """Title, author and abstract across both columns; returns the first baseline below."""
    with sheet.region("title"):
        sheet.text(WIDTH / 2, 100, "On the Origin of Species", _TITLE, "m")
        sheet.text(WIDTH / 2, 126, "by Means of Natural Selection", _TITLE, "m")
    with sheet.region("text"):
        sheet.text(WIDTH / 2, 152, "Charles Darwin, M.A., Fellow of the Royal Society", _BYLINE, "m")
    with sheet.region("text"):
        below = sheet.paragraph(88, 182, WIDTH - 176, _ABSTRACT, _SMALL)
    return below + 18


def _figure(sheet: Sheet, x: float) -> float:
    """A tree of descent with its caption; returns the first baseline below."""
    top, bottom = _TOP - 8, _TOP + 150
    with sheet.region("figure"):
        sheet.rule([(x, top), (x + _COLUMN, top), (x + _COLUMN, bottom), (x, bottom), (x, top)], 0.5, 120)
        for index, letter in enumerate("ABCDE"):
            _branch(sheet, x + 30 + 45 * index, bottom - 22, 5 - abs(index - 1))
            sheet.text(x + 30 + 45 * index, bottom - 8, letter, Style("serif-bold", 10), "m")
    caption = (
        "Fig. 1. Divergence of species from five ancestors, A to E, through five thousand generations; "
        "each fork is a variety that lived."
    )
    with sheet.region("figure_caption"):
        below = sheet.paragraph(x, bottom + 14, _COLUMN, caption, _CAPTION)
    return below + 12


def _branch(sheet: Sheet, x: float, y: float, forks: int, spread: float = 11.0) -> None:
    if forks == 0:
        return
    for side in (-1.0, 1.0):
        tip = (x + side * spread * 0.8, y - 24.0)
        sheet.rule([(x, y), tip], 0.3 + 0.25 * forks, 50)
        if side < 0 or forks % 2:
            _branch(sheet, *tip, forks - 1, spread * 0.62)


def _table(sheet: Sheet, x: float) -> float:
    """A table with its caption above; returns the first baseline below."""
    with sheet.region("table_caption"):
        y = sheet.paragraph(x, _TOP, _COLUMN, "Table 1. Stations of the voyage of H.M.S. Beagle.", _CAPTION)
    with sheet.region("table"):
        sheet.rule([(x, y - 4), (x + _COLUMN, y - 4)], 1.0)
        bold = Style("serif-bold", 9.4)
        sheet.text(x + 6, y + 9, "Station", bold)
        sheet.text(x + 150, y + 9, "First visit", bold)
        sheet.rule([(x, y + 15), (x + _COLUMN, y + 15)])
        for row, (station, month) in enumerate(_STATIONS):
            baseline = y + 28 + 13.5 * row
            sheet.text(x + 6, baseline, station, Style("serif", 9.4))
            sheet.text(x + 150, baseline, month, Style("serif", 9.4))
        y += 28 + 13.5 * len(_STATIONS)
        sheet.rule([(x, y - 6), (x + _COLUMN, y - 6)], 1.0)
    return y + 18
