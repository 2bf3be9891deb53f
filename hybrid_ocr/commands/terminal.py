"""What a person sees while documents are read: a progress bar, the text, a line for each document."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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
from hybrid_ocr.commands.reading import ReadDocument
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.result import Finding


class Bar:
    """A bar over the pages of all documents on standard error; nothing where that is no terminal."""

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
            disable=not console.is_terminal or console.quiet,
        )
        self._task = self._bar.add_task("starting", total=None)
        self._pages = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def of(self, source: Source) -> DocumentProgress:
        """The receiver of the progress of one document."""
        return DocumentProgress(self, shown(source.file_name, 40))

    def more(self, pages: int) -> None:
        """So many pages more are to be read."""
        with self._lock:
            self._pages += pages
            self._bar.update(self._task, total=self._pages)

    def one_done(self, name: str) -> None:
        """A page of the document of that name is done."""
        self._bar.update(self._task, advance=1, description=name)


@dataclass(frozen=True)
class DocumentProgress:
    """Moves the bar for one document; see `hybrid_ocr.pipeline.Progress`."""

    bar: Bar
    name: str

    def opened(self, pages: int) -> None:
        """Its pages are to be read."""
        self.bar.more(pages)

    def page_done(self) -> None:
        """One of them is done."""
        self.bar.one_done(self.name)


def print_text(document: ReadDocument, *, heading: bool) -> None:
    """The text of a document on standard output, under its name where there are several."""
    if heading:
        print(f"── {shown(document.source.file_name)} ".ljust(80, "─"))
    if document.result.text:
        print(plain(document.result.text).rstrip("\n") + "\n")
    elif document.result.status != "failed":  # the summary says why of one that failed
        print("(no text)\n")
    sys.stdout.flush()


def print_summary(documents: Sequence[ReadDocument], console: Console, skipped: int) -> None:
    """What became of each document, what was noticed first, and where its report is."""
    rows = [_summary_row(document) for document in documents]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for document, row in zip(documents, rows, strict=True):
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line.append(set_cell_size(cell, width + 2))
        line.stylize(STYLE[document.result.verdict], 0, len(row[0]))
        # The path is last and never folded, so that it can be clicked or copied whole.
        line.append(str(_report(document)))
        console.print(line, soft_wrap=True)
    for document in documents:
        _print_findings(document, console)
    if skipped:
        console.print(
            Text(f"{skipped} other files in the folders are no documents and were left alone", "dim")
        )


def _summary_row(document: ReadDocument) -> tuple[str, str, str, str]:
    result = document.result
    whole = sum(page.status == "ok" for page in result.pages)
    pages = f"{whole} of {len(result.pages)} pages" if result.pages else "no page"
    return result.verdict, shown(document.source.file_name, 40), pages, result.status


def _print_findings(document: ReadDocument, console: Console) -> None:
    serious = [finding for finding in document.result.findings if finding.severity != "info"]
    for finding in serious[:FINDINGS_SHOWN]:
        line = Text(f"{shown(document.source.file_name, 40)}{_place(finding)}: ")
        line.append(finding.rule, STYLE[finding.severity])
        line.append(f" {plain(finding.message)}")
        console.print(line, soft_wrap=True)
    if len(serious) > FINDINGS_SHOWN:
        more = len(serious) - FINDINGS_SHOWN
        console.print(Text(f"… and {more} more findings in {_report(document)}", "dim"), soft_wrap=True)


def _report(document: ReadDocument) -> Path:
    """The report, or the folder where none was asked for."""
    report = document.folder / "report.html"
    return report if report.exists() else document.folder


def _place(finding: Finding) -> str:
    return f" page {finding.page}" if finding.page else ""
