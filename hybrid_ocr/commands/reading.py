"""What the ways of reading have in common: in this process, and through a deployment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.pipeline import Progress

EXPORTS: Final = {
    "json": "result.json",
    "txt": "result.txt",
    "md": "result.md",
    "hocr": "result.hocr",
    "pdf": "result.pdf",
    "html": "report.html",
}
"""What --formats calls the files of a result."""


@dataclass(frozen=True)
class ReadDocument:
    """A document that was read, whole or in part, and the folder that holds what came out."""

    source: Source
    result: DocumentResult
    folder: Path


@dataclass(frozen=True)
class ReaderOptions:
    """The options of `read` that are the same for every document of a call.

    Args:
        where: `process`, `local` or the stage of a deployment.
        engine: runs the networks.
        script: recognise this script only.
        rules: a file of validation rules over those of the project.
        pages: which pages of each document; None is all.
        files: names of the files that each document's folder gets.
    """

    where: str
    engine: EngineName
    script: str | None
    rules: Path | None
    pages: str | None
    files: Collection[str]


class DocumentReader(Protocol):
    """A context manager that owns what reads."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    def read(
        self, sources: Iterable[Source], out: Path, progress: Callable[[Source], Progress]
    ) -> Iterator[ReadDocument]:
        """Read documents, in order; what is wrong with one of them is in its result and stops no other.

        Args:
            sources: the files, each with the name of its folder under `out`.
            out: where each document's folder is made.
            progress: gives the receiver of the progress of a document.

        Raises:
            OcrError: nothing can be read: the models cannot be loaded, the deployment does not answer.
            OSError: `out` cannot be written.
        """
        ...
