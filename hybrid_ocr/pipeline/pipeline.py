"""The five stages in one process: no server, no cloud.

Opening runs in a child process under limits; each network has a thread, so that while the lines of one page
are read the next page is searched and the one after that is opened. The number of pages on their way is
bounded, so memory does not grow with the document.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo, OcrError
from hybrid_ocr.contracts.messages import FailedPage, PageImage
from hybrid_ocr.contracts.result import DocumentResult, PageRecord, ResultPage
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.opening import DocumentOpener, check_pages, parse_pages
from hybrid_ocr.pipeline.document import Document, PageOnItsWay
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.stages import StageGraph
from hybrid_ocr.pipeline.worker import once_all_are_done
from hybrid_ocr.stages.validation import load_rules, validate
from hybrid_ocr.stages.validation.assemble import assemble_page

PAGES_ON_THEIR_WAY: Final = 6
"""Enough to keep the networks busy and to fill batches of lines; a page holds 6 MB of image and crops."""

COSTLY: Final = frozenset({ErrorCode.DECODE_TIMEOUT, ErrorCode.DECODE_MEMORY, ErrorCode.DECODER_CRASHED})
MOST_COSTLY_PAGES: Final = 3
"""A page may take its whole time limit before it is given up. After so many of them in a row the rest of the
document is given up too: thousands of bomb pages must not hold the other documents for hours."""


class Progress(Protocol):
    """Is told how far a document is; calls may come from any thread."""

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
        progress: is told how far it is.
    """

    source: Path | bytes
    name: str | None = None
    pages: str | None = None
    out: Path | None = None
    files: Collection[str] | None = None
    progress: Progress | None = None


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
        self._places = threading.BoundedSemaphore(PAGES_ON_THEIR_WAY)
        self._starting = threading.Lock()
        self._resources = ExitStack()
        self._running: _Running | None = None

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
        """End threads and processes, once what is on its way is read. A later call starts anew."""
        with self._starting:
            self._running = None
            self._resources.close()

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
        finish = self._start().finish
        finishing: deque[Future[DocumentResult]] = deque()
        for task in tasks:
            document = Document(task.source, task.name, keeps_images=task.out is not None)
            self._send(document, task)
            finishing.append(finish.submit(self._finished, document, task))
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
        document = Document(_source(source), keeps_images=False)
        waiting: deque[PageOnItsWay] = deque()
        try:
            for page in self._sent_pages(document, self._numbers(document, pages)):
                waiting.append(page)
                while waiting and (waiting[0].is_read or len(waiting) >= PAGES_ON_THEIR_WAY):
                    yield assemble_page(waiting.popleft().parts())
            while waiting:
                yield assemble_page(waiting.popleft().parts())
        finally:
            document.close()

    def _start(self) -> _Running:
        with self._starting:
            if self._running is None:
                self._models.build_missing()
                with ExitStack() as stack:
                    opener = stack.enter_context(DocumentOpener())
                    stages = StageGraph(self._models)
                    stack.callback(stages.close)
                    finish = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="finish"))
                    self._resources = stack.pop_all()
                self._running = _Running(opener, stages, finish)
            return self._running

    def _send(self, document: Document, task: Task) -> None:
        """Open a document and send its pages on their way; why it cannot be opened is noted in it."""
        progress = task.progress
        try:
            numbers = self._numbers(document, task.pages)
        except OcrError as error:
            document.error = ErrorInfo.of(error)
            return
        if progress:
            progress.opened(len(numbers))
        document.pages.extend(self._sent_pages(document, numbers, progress.page_done if progress else None))

    def _numbers(self, document: Document, pages: str | None) -> list[int]:
        with document.timed("opening"):
            count = self._start().opener.inspect(document.path).page_count
        numbers = parse_pages(pages or "1-", count)
        document.expected_pages = len(numbers)
        return numbers

    def _sent_pages(
        self, document: Document, numbers: Sequence[int], done: Callable[[], None] | None = None
    ) -> Iterator[PageOnItsWay]:
        """Pages on their way through the stages, at most `PAGES_ON_THEIR_WAY` of all documents at a time."""
        stages = self._start().stages
        costly = 0

        def leave() -> None:
            self._places.release()
            if done:
                done()

        for number in numbers:
            self._places.acquire()
            page = self._upright(document, number) if costly < MOST_COSTLY_PAGES else _not_tried(number)
            if isinstance(page, FailedPage):
                costly = costly + 1 if page.error.code in COSTLY else 0
                leave()
                yield PageOnItsWay(page, {})
                continue
            costly = 0
            document.keep_image(page)
            answers = stages.send(page)
            once_all_are_done(list(answers.values()), leave)
            yield PageOnItsWay(PageRecord.of(page), answers)

    def _upright(self, document: Document, number: int) -> PageImage | FailedPage:
        running = self._start()
        try:
            with document.timed("opening"):
                opened = running.opener.render(document.path, number)
        except OcrError as error:
            return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))
        return running.stages.upright(opened)

    def _finished(self, document: Document, task: Task) -> DocumentResult:
        try:
            parts = document.parts(self._start().stages.models() if document.pages else {})
            result = validate(parts, self._rules)
            if task.out is not None:
                from hybrid_ocr.stages.validation.exports import write_exports

                write_exports(
                    result,
                    document.page_image,
                    task.out,
                    rules=self._rules,
                    dpi=parts.dpi,
                    files=task.files,
                )
            return result
        finally:
            document.close()


@dataclass(frozen=True)
class _Running:
    """What a pipeline has started."""

    opener: DocumentOpener
    stages: StageGraph
    finish: ThreadPoolExecutor


def _source(source: str | Path | bytes) -> Path | bytes:
    return Path(source) if isinstance(source, str) else source


def _not_tried(number: int) -> FailedPage:
    error = DocumentError(
        f"not tried: the {MOST_COSTLY_PAGES} pages before it could not be decoded within the limits",
        code=ErrorCode.DECODE_TIMEOUT,
    )
    return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))
