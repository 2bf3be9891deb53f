"""Reads documents as AWS does, on a local cloud of its own: uploads, waits for jobs, brings results.

What a document cannot enter the flow with (no such file, too many bytes) is told by a result too, so that
every file of a call has its folder.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hybrid_ocr.clients import AsyncClient, Connection
from hybrid_ocr.clients.connection import LOCAL_LOGIN
from hybrid_ocr.commands.job_progress import JobProgress
from hybrid_ocr.commands.reading import Progress, Reading
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.errors import EngineError, ErrorInfo, OcrError
from hybrid_ocr.contracts.result import DocumentParts, DocumentResult
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.direct.document import job_id
from hybrid_ocr.opening import OpeningLimits
from hybrid_ocr.opening.source import open_file
from local_cloud.aws.moto_settings import session
from local_cloud.cloud import CloudSettings, LocalCloud
from local_cloud.early import EarlyContainers

DOCUMENTS_IN_FLIGHT: Final = 4
_LOOK_SECONDS: Final = 0.5
_STARTS_WITHIN_SECONDS: Final = 60.0


@dataclass(frozen=True)
class _Call:
    """The arguments of one call of `read`; `stopping` is set when nobody waits for it any more."""

    out: Path
    progress: Progress
    pages: str | None
    stopping: threading.Event


class CloudReader:
    """Owns a local cloud; see `DocumentReader`.

    Args:
        cloud: not started yet.
        early: its containers; closed with the reader.
        rules: a file of rules; they judge what never enters the flow, too.
        script: recognise this script only.
    """

    def __init__(
        self, cloud: LocalCloud, early: EarlyContainers, rules: Path | None, script: str | None = None
    ) -> None:
        self.cloud, self._early, self._rules, self._script = cloud, early, rules, script

    def __enter__(self) -> Self:
        try:
            self.cloud.start()
        except BaseException:
            self._early.close()
            raise
        connection = connection_to(self.cloud)
        self._client, self._s3 = AsyncClient(connection=connection), connection.client("s3")
        self._work = connection.names.bucket("work")
        return self

    def __exit__(self, *exception: object) -> None:
        self.cloud.stop()
        self._early.close()

    @property
    def logs(self) -> list[Path]:
        """The logs of every process of the cloud."""
        return [*self.cloud.log_dir.glob("*.log"), *self._early.log_dir.glob("*.log")]

    def read(
        self, sources: Iterable[Source], out: Path, progress: Progress, pages: str | None = None
    ) -> Iterator[Reading]:
        """See `DocumentReader.read`."""
        stopping = threading.Event()
        pool = ThreadPoolExecutor(DOCUMENTS_IN_FLIGHT, thread_name_prefix="documents")
        reading: deque[Future[Reading]] = deque()
        try:
            call = _Call(out, progress, pages, stopping)
            reading.extend(pool.submit(self._read, source, call) for source in sources)
            while reading:
                yield reading.popleft().result()
        finally:
            stopping.set()
            pool.shutdown(cancel_futures=True)

    def _read(self, source: Source, call: _Call) -> Reading:
        folder = call.out / source.name
        try:
            with open_file(source.path, OpeningLimits().file_bytes):
                pass  # what blocks for ever or is too large is refused before a byte of it is read
            job = self._client.submit(source.path, pages=call.pages, script=self._script)
            self._wait(job, JobProgress(self._s3, self._work, job, source, call.progress), call.stopping)
            result = self._client.result(job)
            self._client.download(job, folder)
        except OcrError as error:
            return Reading(source, self._refused(source, error, folder), folder)
        return Reading(source, self._named(result, source, folder), folder)

    def _wait(self, job: str, told: JobProgress, stopping: threading.Event) -> None:
        """Wait for a job, telling its progress; one that never starts was refused at the door."""
        start = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not stopping.is_set():
            try:
                self._client.wait(job, timeout=_LOOK_SECONDS)
            except EngineError:
                told.look()
                if not told.planned and time.monotonic() > start:
                    raise
            else:
                break
        told.look()

    def _refused(self, source: Source, error: OcrError, folder: Path) -> DocumentResult:
        parts = DocumentParts(
            job_id=job_id(source.path),
            source=str(source.path),
            expected_pages=0,
            pages=(),
            error=ErrorInfo.of(error),
        )
        from hybrid_ocr.stages.validation import load_rules, validate  # rarely needed, and half a second
        from hybrid_ocr.stages.validation.exports import write_exports

        rules = load_rules(self._rules)
        result = validate(parts, rules)
        write_exports(result, lambda _: None, folder, rules=rules)
        return result

    def _named(self, result: DocumentResult, source: Source, folder: Path) -> DocumentResult:
        """The result under the name that the caller knows: its file, not the object it was uploaded as."""
        result = result.model_copy(update={"source": str(source.path)})
        (folder / "result.json").write_text(result.model_dump_json(indent=2) + "\n", "utf-8")
        return result


def cloud_reader(
    early: EarlyContainers,
    *,
    engine: EngineName = "openvino",
    script: str | None = None,
    rules: Path | None = None,
) -> CloudReader:
    """A reader over a local cloud of its own; takes and raises what `direct_reader` does.

    Args:
        early: the containers of the same engine and script, started already; the reader closes them.
        engine: runs text detection and OCR.
        script: recognise this script only.
        rules: a file of validation rules over those of the project.
    """
    settings = CloudSettings(engine=engine, script=script, rules=rules, metrics=False, launch=early.launch)
    cloud = LocalCloud(settings)
    return CloudReader(cloud, early, rules, script)


def connection_to(cloud: LocalCloud) -> Connection:
    """How the clients reach a local cloud of this process."""
    return Connection(session(), cloud.names, cloud.endpoint_url, local=True, login=LOCAL_LOGIN)
