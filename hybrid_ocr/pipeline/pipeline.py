"""The five stages in one process: no server, no cloud.

Opening runs in a child process under limits; each network has a thread, so that while the lines of one page
are read the next page is searched and the one after that is opened. The number of pages on their way is
bounded, so memory does not grow with the document.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from hybrid_ocr.contracts.result import DocumentResult, ResultPage
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.opening import check_pages
from hybrid_ocr.pipeline.document import DocumentInProgress, PageInProgress
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.runner import PAGES_IN_PROGRESS, DocumentRunner
from hybrid_ocr.pipeline.task import Task
from hybrid_ocr.stages.validation import load_rules
from hybrid_ocr.stages.validation.assemble import assemble_page


class Pipeline:
    """Reads documents with all five stages; a context manager.

        with Pipeline(script="latin") as pipeline:
            result = pipeline.read("scan.pdf")
            for page in pipeline.pages("long.pdf"):
                print(page.number, len(page.lines))

    Models that are not on this machine yet are fetched and built on entry, held to the catalogue's sha256.
    The networks load while the first page is opened. Several threads may share a pipeline.

    Args:
        script: recognise one script only, such as "latin": faster, and no look-alikes from others.
        engine: runs the networks.
        rules: a TOML file of validation rules over those of the project.
        threads: CPU threads of a network; by default those that this process is granted.
        artifacts: the folder of model artefacts; by default build/artifacts of a checkout, else
            ~/.cache/hybrid-ocr/artifacts, or what HYBRID_OCR_ARTIFACTS says.

    Raises:
        ConfigurationError: a rule cannot work, or there is no such script.
        EngineError: ENGINE_UNAVAILABLE, the engine is not installed here; the text says what to install.
    """

    def __init__(
        self,
        *,
        script: str | None = None,
        engine: EngineName = "openvino",
        rules: Path | None = None,
        threads: int | None = None,
        artifacts: Path | None = None,
    ) -> None:
        self._models = Models(engine, script, artifacts, threads)
        self._models.check()
        self._rules = load_rules(rules)
        self._starting = threading.Lock()
        self._runner: DocumentRunner | None = None

    def __enter__(self) -> Self:
        """Start; raises ArtifactError where a model can neither be found nor fetched."""
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def missing_models(self) -> list[str]:
        """The models that are fetched and built when it starts."""
        return self._models.missing()

    def close(self) -> None:
        """End threads and processes, once the pages on their way are read. A later call starts anew."""
        with self._starting:
            runner, self._runner = self._runner, None
        if runner:
            runner.close()

    def read(
        self, source: str | Path | bytes, *, pages: str | None = None, out: str | Path | None = None
    ) -> DocumentResult:
        """Read one document, whole or some of its pages.

        What is wrong with the document is in the result - its status, its findings, the error of a page - and
        not raised.

        Args:
            source: a PDF, TIFF, PNG, JPEG or WebP file, or the bytes of one.
            pages: for example "1-5,8" or "3-"; None is all.
            out: a folder for result.json, the text, Markdown, searchable PDF, hOCR and report.

        Raises:
            RequestError: `pages` names no pages.
            ArtifactError, EngineError: the networks cannot be loaded.
            OSError: `out` cannot be written.
        """
        if pages is not None:
            check_pages(pages)
        task = Task(_source(source), pages=pages, out=None if out is None else Path(out))
        [result] = self.read_all([task])
        return result

    def read_all(self, tasks: Iterable[Task]) -> Iterator[DocumentResult]:
        """Read documents one after another, each result as soon as it is there and in the order of the tasks.

        They overlap: the next one is opened while the last pages of the one before are read.
        Raises as `read` does.
        """
        runner = self._start()
        finishing: deque[Future[DocumentResult]] = deque()
        for task in tasks:
            document = DocumentInProgress(task.source, task.name, keeps_images=task.out is not None)
            finishing.append(runner.send(document, task))
            while finishing and finishing[0].done():
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()

    def pages(self, source: str | Path | bytes, *, pages: str | None = None) -> Iterator[ResultPage]:
        """Read a document page by page: each page as soon as it and those before it are read, in their order.

        Pages that failed are among them, with their error. No more than a few pages are read ahead.

        Raises:
            DocumentError: the document cannot be opened at all.
            RequestError: `pages` names no pages, or none that the document has.
            ArtifactError, EngineError: the networks cannot be loaded.
        """
        runner = self._start()
        document = DocumentInProgress(_source(source), keeps_images=False)
        waiting: deque[PageInProgress] = deque()
        try:
            for page in runner.sent_pages(document, runner.numbers(document, pages)):
                waiting.append(page)
                while waiting and (waiting[0].is_read or len(waiting) >= PAGES_IN_PROGRESS):
                    yield assemble_page(waiting.popleft().parts())
            while waiting:
                yield assemble_page(waiting.popleft().parts())
        finally:
            document.close()

    def _start(self) -> DocumentRunner:
        with self._starting:
            if self._runner is None:
                self._models.build_missing()
                self._runner = DocumentRunner(self._models, self._rules)
            return self._runner


def _source(source: str | Path | bytes) -> Path | bytes:
    return Path(source) if isinstance(source, str) else source
