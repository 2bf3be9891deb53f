"""What arrives and when: a trace, read from CSV or generated.

A trace file has a heading and a row for each period:

    time,documents,pages
    2026-11-16T08:00:00Z,12,51
    2026-11-16T08:01:00Z,9,30

| column | what | unit |
|---|---|---|
| `time` | when the period starts; it lasts until the next row, the last one as long as the one before | ISO 8601 with an offset |
| `documents` | documents that arrived in it, evenly over the period, the first at its start | whole number |
| `pages` | pages of these documents together | whole number, 1 to 2,000 a document |

So a row of one document is one arrival at that very time, and a row of a thousand is a volume.
"""  # noqa: E501 - a table cannot be broken

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from autoscaling.simulation.model import Arrivals, Volumes
from autoscaling.whole_file import replace_whole
from hybrid_ocr.contracts.batches import batch_size
from hybrid_ocr.contracts.errors import RequestError

__all__ = ["COLUMNS", "PAGES_PER_DOCUMENT", "Trace", "read_trace", "write_trace"]

COLUMNS: Final = ("time", "documents", "pages")
PAGES_PER_DOCUMENT: Final = 2_000
"""The most that the component reads of one document (hybrid_ocr.opening)."""

_LONE_ROW_SECONDS: Final = 60.0
_MOST_DOCUMENTS: Final = 10**7
"""In one period: products of counts stay within 64 bits."""
_WHOLE: Final = re.compile(r"[0-9]{1,15}")
_NUMBER: Final = re.compile(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?")


class _Reader(Protocol):
    """What csv.reader makes."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, eq=False)
class Trace:
    """Arrivals, period by period.

    Args:
        start: when the first period starts, with a time zone.
        seconds: (n,) float64, starts of the periods since `start`; they never fall.
        documents: (n,) int64, what arrived in each.
        pages: (n,) int64, of these documents together; at least one a document.
        duration: seconds from `start` to the end of the last period.
    """

    start: datetime
    seconds: npt.NDArray[np.float64]
    documents: npt.NDArray[np.int64]
    pages: npt.NDArray[np.int64]
    duration: float

    @property
    def total_documents(self) -> int:
        """Of all periods."""
        return int(self.documents.sum())

    @property
    def total_pages(self) -> int:
        """Of all periods."""
        return int(self.pages.sum())

    def pages_per_request(self, most: int) -> float:
        """Near enough for a plan: those of a document of the mean length, at most so many."""
        return float(batch_size(round(self.total_pages / self.total_documents), most))

    def jobs(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Each document: (m,) seconds since `start` when it arrives and (m,) pages it has.

        The k-th of n documents comes k/n of the period after its start; the pages of a period are dealt out
        as evenly as whole pages can be.
        """
        counts = self.documents
        periods = np.diff(self.seconds, append=self.duration)
        before = np.cumsum(counts) - counts
        rank = np.arange(counts.sum()) - np.repeat(before, counts)
        share = np.repeat(counts, counts)
        whole = np.repeat(self.pages, counts)
        times = np.repeat(self.seconds, counts) + rank / share * np.repeat(periods, counts)
        return times, whole * (rank + 1) // share - whole * rank // share

    def arrivals(self) -> Arrivals:
        """The documents one by one, for the simulator of events."""
        times, pages = self.jobs()
        return Arrivals(times, pages, self.duration, self.start)

    def volumes(self, tick_seconds: float = 10.0) -> Volumes:
        """The documents by tick, for the simulator of flows. `sizes` are those that `jobs` deals out."""
        documents, pages = self.per_tick(tick_seconds)
        fewer = self.pages // np.maximum(self.documents, 1)
        larger = self.pages - fewer * self.documents
        sizes = np.concatenate([fewer, fewer + 1])
        counts = np.bincount(sizes, weights=np.concatenate([self.documents - larger, larger]))
        present = np.flatnonzero(counts)
        return Volumes(
            documents=documents.astype(np.float64),
            pages=pages.astype(np.float64),
            sizes=present,
            shares=counts[present] / counts.sum(),
            tick_seconds=tick_seconds,
            start=self.start,
        )

    def per_tick(self, tick_seconds: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(ticks,) documents and (ticks,) pages that arrive in each tick: the sums of `jobs` over it."""
        edges = np.arange(np.ceil(self.duration / tick_seconds) + 1) * tick_seconds
        row = np.searchsorted(self.seconds, edges, side="left") - 1
        started = row >= 0
        row = np.maximum(row, 0)
        periods = np.diff(self.seconds, append=self.duration)[row]
        counts = self.documents[row]
        done = np.divide(edges - self.seconds[row], periods, out=np.ones_like(edges), where=periods > 0)
        come = np.minimum(np.ceil(done * counts).astype(np.int64), counts)
        documents = (np.cumsum(self.documents) - self.documents)[row] + come
        pages = (np.cumsum(self.pages) - self.pages)[row] + self.pages[row] * come // np.maximum(counts, 1)
        return np.diff(np.where(started, documents, 0)), np.diff(np.where(started, pages, 0))


def read_trace(path: Path) -> Trace:
    """A trace file.

    Raises:
        RequestError: it cannot be read or a row is not as it must be; the message has file, line and reason.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _trace(path.name, csv.reader(file, strict=True))
    except OSError as error:
        raise RequestError(f"cannot read the trace {path}: {error}") from None


def write_trace(trace: Trace, path: Path) -> None:
    """A trace as a file that `read_trace` reads.

    Raises:
        OSError: it cannot be written; then nothing is.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for seconds, documents, pages in zip(
        trace.seconds.tolist(), trace.documents.tolist(), trace.pages.tolist(), strict=True
    ):
        when = trace.start + timedelta(seconds=seconds)
        writer.writerow([when.isoformat().replace("+00:00", "Z"), documents, pages])
    replace_whole(path, text.getvalue())


def _trace(file_name: str, lines: _Reader) -> Trace:
    rows: list[tuple[datetime, int, int]] = []
    try:
        _check_heading(next(lines, []))
        for line in lines:
            if line:
                rows.append(_row(line, rows[-1][0] if rows else None))
    except UnicodeDecodeError:
        raise RequestError(f"{file_name} line {lines.line_num + 1} or below: is not UTF-8 text") from None
    except (ValueError, csv.Error) as error:
        raise RequestError(f"{file_name} line {max(lines.line_num, 1)}: {error}") from None
    if not any(documents for _, documents, _ in rows):
        raise RequestError(f"{file_name}: no row has a document: nothing arrives in this trace")
    start = rows[0][0]
    seconds = np.array([(time - start).total_seconds() for time, _, _ in rows])
    last = float(seconds[-1] - seconds[-2]) if len(rows) > 1 else _LONE_ROW_SECONDS
    return Trace(
        start=start,
        seconds=seconds,
        documents=np.array([documents for _, documents, _ in rows], np.int64),
        pages=np.array([pages for _, _, pages in rows], np.int64),
        duration=float(seconds[-1]) + (last or _LONE_ROW_SECONDS),
    )


def _check_heading(names: list[str]) -> None:
    if tuple(names) != COLUMNS:
        raise ValueError(
            f"the heading is {','.join(names)[:100] or 'missing'!r}, it must be {','.join(COLUMNS)!r}:"
            " times with an offset, whole documents, whole pages; no other columns and no other units"
        )


def _row(line: list[str], before: datetime | None) -> tuple[datetime, int, int]:
    if len(line) != len(COLUMNS):
        raise ValueError(f"{len(line)} values, not {len(COLUMNS)} ({', '.join(COLUMNS)})")
    time, documents, pages = _time(line[0]), _count("documents", line[1]), _count("pages", line[2])
    if before is not None and time < before:
        raise ValueError(
            f"time: {line[0]} is before the row above ({before.isoformat()}): sort the rows by time"
        )
    if documents > _MOST_DOCUMENTS:
        raise ValueError(
            f"documents: {documents:,} in one period are more than the {_MOST_DOCUMENTS:,} possible"
        )
    if pages < documents:
        raise ValueError(f"pages: {pages} of {documents} documents: each has at least one page")
    if pages > documents * PAGES_PER_DOCUMENT:
        raise ValueError(
            f"pages: {pages} of {documents} documents: none has more than {PAGES_PER_DOCUMENT:,};"
            " is the column in another unit, such as bytes?"
        )
    return time, documents, pages


def _time(text: str) -> datetime:
    if not text.strip():
        raise ValueError("time: missing")
    if _NUMBER.fullmatch(text.strip()):
        raise ValueError(
            f"time: {text[:40]} is a number of an unknown unit: give ISO 8601, such as 2026-11-16T08:00:00Z"
        )
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"time: {text[:40]!r} is not ISO 8601, such as 2026-11-16T08:00:00Z") from None
    if time.tzinfo is None:
        raise ValueError(f"time: {text} has no offset: write {text}Z if it is UTC")
    return time.astimezone(UTC)


def _count(column: str, text: str) -> int:
    text = text.strip()
    if not text:
        raise ValueError(f"{column}: missing; write 0 where nothing arrived")
    if text.startswith("-"):
        raise ValueError(f"{column}: {text[:40]} is negative")
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{column}: {text[:40]!r} is not a whole number")
    return int(text)
