"""Reads documents in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Self

from hybrid_ocr.commands.reading import ReadDocument
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.pipeline import Pipeline, Progress, Task
from hybrid_ocr.pipeline.allocator import return_large_blocks


class ProcessReader:
    """A pipeline of its own; see `DocumentReader`.

    Args:
        pipeline: not started yet.
        pages: which pages of each document, for example "1-5,8"; None is all.
        files: names of the files that each document's folder gets; see `write_exports`.
        announce: called with a line of text for what takes a while before the first page.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        pages: str | None,
        files: Collection[str],
        announce: Callable[[str], None],
    ) -> None:
        self._pipeline, self._pages, self._files, self._announce = pipeline, pages, files, announce

    def __enter__(self) -> Self:
        if missing := self._pipeline.missing_models:
            self._announce(f"fetching the models, which happens once: {', '.join(missing)}")
        return_large_blocks()
        self._pipeline.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.close()

    def read(
        self, sources: Iterable[Source], out: Path, progress: Callable[[Source], Progress]
    ) -> Iterator[ReadDocument]:
        """See `DocumentReader.read`."""
        sent: deque[tuple[Source, Path]] = deque()

        def tasks() -> Iterator[Task]:
            for source in sources:
                sent.append((source, out / source.name))
                yield Task(
                    source.document,
                    source.shown,
                    pages=self._pages,
                    out=out / source.name,
                    files=self._files,
                    progress=progress(source),
                )

        for result in self._pipeline.read_all(tasks()):
            source, folder = sent.popleft()
            yield ReadDocument(source, result, folder)
