"""What the two ways of reading have in common: through the local cloud, and by plain function calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.result import DocumentResult


@dataclass(frozen=True)
class Reading:
    """A document that was read, whole or in part, and the folder that holds what came out."""

    source: Source
    result: DocumentResult
    folder: Path


class Progress(Protocol):
    """Is told how far a call is; calls may come from any thread."""

    def opened(self, source: Source, pages: int) -> None:
        """A document was opened and this many of its pages will be read."""

    def page_done(self, source: Source) -> None:
        """A page has passed all stages, or has failed in one."""


class DocumentReader(Protocol):
    """A context manager that owns the processes which read."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def read(
        self, sources: Iterable[Source], out: Path, progress: Progress, pages: str | None = None
    ) -> Iterator[Reading]:
        """Read documents, in order; what is wrong with one of them is in its result and stops no other.

        Args:
            sources: the files, each with the name of its folder under `out`.
            out: where each document's folder is made.
            progress: is told how far the call is.
            pages: which pages of each document, for example "1-5,8"; None is all.

        Raises:
            OcrError: the servers could not be started.
            OSError: `out` cannot be written.
        """
        ...
