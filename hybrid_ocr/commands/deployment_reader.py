"""Reads documents through a deployment: uploads them, waits for their jobs, brings their results."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from hybrid_ocr.clients import AsyncClient, Connection
from hybrid_ocr.commands.job_progress import JobProgress
from hybrid_ocr.commands.reading import ReadDocument
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.errors import DocumentError, EngineError, OcrError
from hybrid_ocr.contracts.result import DocumentResult, Finding
from hybrid_ocr.opening import OpeningLimits
from hybrid_ocr.opening.source import open_file
from hybrid_ocr.pipeline import Progress

DOCUMENTS_AT_ONCE: Final = 4
_LOOK_SECONDS: Final = 0.5
_STARTS_WITHIN_SECONDS: Final = 60.0


class DeploymentReader:
    """Reads through the flow of a deployment; see `DocumentReader`.

    Args:
        connection: gives the connection, and keeps what it needs alive: nothing for a deployment in AWS, the
            local cloud for one on this machine.
        pages: which pages of each document, for example "1-5,8"; None is all.
        script: recognise this script only.
        files: names of the files of each result that are brought.
    """

    def __init__(
        self,
        connection: AbstractContextManager[Connection],
        *,
        pages: str | None,
        script: str | None,
        files: Collection[str],
    ) -> None:
        self._held, self._pages, self._script, self._files = connection, pages, script, files

    def __enter__(self) -> Self:
        connection = self._held.__enter__()
        self._client, self._s3 = AsyncClient(connection=connection), connection.client("s3")
        self._work = connection.names.bucket("work")
        return self

    def __exit__(self, *_: object) -> None:
        self._held.__exit__(None, None, None)

    def read(
        self, sources: Iterable[Source], out: Path, progress: Callable[[Source], Progress]
    ) -> Iterator[ReadDocument]:
        """See `DocumentReader.read`."""
        stopping = threading.Event()
        pool = ThreadPoolExecutor(DOCUMENTS_AT_ONCE, thread_name_prefix="documents")
        reading: deque[Future[ReadDocument]] = deque()
        try:
            reading.extend(
                pool.submit(self._read, source, out / source.name, progress(source), stopping)
                for source in sources
            )
            while reading:
                yield reading.popleft().result()
        finally:
            stopping.set()
            pool.shutdown(cancel_futures=True)

    def _read(
        self, source: Source, folder: Path, progress: Progress, stopping: threading.Event
    ) -> ReadDocument:
        job: str | None = None
        try:
            if isinstance(source.document, Path):
                with open_file(source.document, OpeningLimits().file_bytes):
                    pass  # what blocks for ever or is too large is refused before a byte of it is read
            job = self._client.submit(source.document, pages=self._pages, script=self._script)
            self._wait(job, JobProgress(self._s3, self._work, job, progress), stopping)
            result = self._client.result(job).model_copy(update={"source": source.shown})
            self._client.download(job, folder, files=self._files)
        except DocumentError as error:
            result = _refused(source, error, job)
            folder.mkdir(parents=True, exist_ok=True)
        if "result.json" in self._files:
            # Under the name that the caller knows: the file, not the object it was uploaded as.
            (folder / "result.json").write_text(result.model_dump_json(indent=1) + "\n", "utf-8")
        return ReadDocument(source, result, folder)

    def _wait(self, job: str, progress: JobProgress, stopping: threading.Event) -> None:
        """Wait for a job, telling its progress; one that never starts was refused at the door."""
        start = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not stopping.is_set():
            try:
                self._client.wait(job, timeout=_LOOK_SECONDS)
            except EngineError:
                progress.look()
                if not progress.planned and time.monotonic() > start:
                    raise
            else:
                break
        progress.look()


def _refused(source: Source, error: OcrError, job: str | None) -> DocumentResult:
    """The result of a document that the flow did not take."""
    finding = Finding(rule="document_unreadable", severity="error", message=f"{error.code}: {error.message}")
    return DocumentResult(
        job_id=job or uuid4().hex,
        source=source.shown,
        status="failed",
        verdict="reject",
        pages=(),
        text="",
        findings=(finding,),
    )
