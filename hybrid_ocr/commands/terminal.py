"""What a person sees while documents are read: a progress bar, the text, a line for each document."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from hybrid_ocr.commands.display import FINDINGS_SHOWN, STYLE, plain, shown
from hybrid_ocr.commands.reading import Reading
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.result import Finding


class ReadingProgress:
    """A bar over pages on standard error; quiet where that is no terminal."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pages"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting the model servers", total=None)
        self._pages = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def opened(self, source: Source, pages: int) -> None:
        """See `hybrid_ocr.commands.reading.Progress`."""
        with self._lock:
            self._pages += pages
            self._bar.update(self._task, total=self._pages)

    def page_done(self, source: Source) -> None:
        """See `hybrid_ocr.commands.reading.Progress`."""
        self._bar.update(self._task, advance=1, description=shown(source.path.name, 40))


def print_text(reading: Reading, *, heading: bool) -> None:
    """The text of a document on standard output, under its name where there are several."""
    if heading:
        print(f"── {shown(reading.source.path.name)} ".ljust(80, "─"))
    print(plain(reading.result.text).rstrip("\n") + "\n" if reading.result.text else "(no text)\n")
    sys.stdout.flush()


def print_summary(readings: Sequence[Reading], console: Console, skipped: int) -> None:
    """What became of each document, what was noticed first, and where its report is."""
    rows = [_summary_row(reading) for reading in readings]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for reading, row in zip(readings, rows, strict=True):
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line.append(set_cell_size(cell, width + 2))
        line.stylize(STYLE[reading.result.verdict], 0, len(row[0]))
        # The path is last and never folded, so that it can be clicked or copied whole.
        line.append(str(reading.folder / "report.html"))
        console.print(line, soft_wrap=True)
    for reading in readings:
        _print_findings(reading, console)
    if skipped:
        console.print(
            Text(f"{skipped} other files in the folders are no documents and were left alone", "dim")
        )


def _summary_row(reading: Reading) -> tuple[str, str, str, str]:
    result = reading.result
    whole = sum(page.status == "ok" for page in result.pages)
    pages = f"{whole} of {len(result.pages)} pages" if result.pages else "no page"
    return result.verdict, shown(reading.source.path.name, 40), pages, result.status


def _print_findings(reading: Reading, console: Console) -> None:
    serious = [finding for finding in reading.result.findings if finding.severity != "info"]
    for finding in serious[:FINDINGS_SHOWN]:
        line = Text(f"{shown(reading.source.path.name, 40)}{_place(finding)}: ")
        line.append(finding.rule, STYLE[finding.severity])
        line.append(f" {plain(finding.message)}")
        console.print(line, soft_wrap=True)
    if len(serious) > FINDINGS_SHOWN:
        more = len(serious) - FINDINGS_SHOWN
        console.print(
            Text(f"… and {more} more findings in {reading.folder / 'report.html'}", "dim"), soft_wrap=True
        )


def _place(finding: Finding) -> str:
    return f" page {finding.page}" if finding.page else ""
