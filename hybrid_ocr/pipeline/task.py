"""A document to read, and the receiver of its progress."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a document; calls may come from any thread."""

    def opened(self, pages: int) -> None:
        """The document was opened and this many of its pages will be read."""

    def page_done(self) -> None:
        """A page has passed all stages, or has failed in one."""


@dataclass(frozen=True)
class Task:
    """A document to read.

    Args:
        source: a file, or the bytes of one.
        name: what people call it; by default its path.
        pages: which pages, for example "1-5,8"; None is all.
        out: the folder that gets result.json and its exports, or None.
        files: which of them, see `write_exports`; None is all.
        progress: receives its progress.
    """

    source: Path | bytes
    name: str | None = None
    pages: str | None = None
    out: Path | None = None
    files: Collection[str] | None = None
    progress: Progress | None = None
