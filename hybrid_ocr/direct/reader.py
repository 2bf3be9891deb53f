"""Reads documents through all five stages on this machine.

Opening runs in a child process, rotation and validation here, the three networks in the container servers
that AWS runs as well. Pages overlap: while one page is recognised, the next is detected and the one after
that is rendered. The number of pages in flight is bounded, so memory does not grow with the document.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from hybrid_ocr.commands.reading import Progress, Reading
from hybrid_ocr.commands.sources import Source
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo, OcrError
from hybrid_ocr.contracts.messages import FailedPage, PageImage, StageName
from hybrid_ocr.direct.document import Document
from hybrid_ocr.direct.page_flow import FlowAnswer, PageFlow
from hybrid_ocr.opening import DocumentOpener, parse_pages
from hybrid_ocr.stages.rotation.stage import RotationStage
from hybrid_ocr.stages.validation.exports import write_exports
from hybrid_ocr.stages.validation.rules import RuleSet
from hybrid_ocr.stages.validation.validate import validate
from local_cloud.containers import ContainerFleet

PAGES_IN_FLIGHT = 4
"""Enough to keep three servers busy; each holds about 1 MB of image here and its arrays in a server."""

COSTLY = frozenset({ErrorCode.DECODE_TIMEOUT, ErrorCode.DECODE_MEMORY, ErrorCode.DECODER_CRASHED})
MOST_COSTLY_PAGES = 3
"""A page may take its whole time limit before it is given up. After so many of them in a row the rest of the
document is given up too: thousands of bomb pages must not hold the other documents for hours."""

log = logging.getLogger(__name__)


class DirectReader:
    """Owns the processes that read; a context manager. Starting them overlaps with opening the first page."""

    def __init__(
        self, fleet: ContainerFleet, opener: DocumentOpener, rotation: RotationStage, rules: RuleSet
    ) -> None:
        self._fleet = fleet
        self._opener = opener
        self._rotation = rotation
        self._rules = rules
        self._slots = threading.BoundedSemaphore(PAGES_IN_FLIGHT)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._opener)
            threads = {
                name: stack.enter_context(ThreadPoolExecutor(count, thread_name_prefix=name))
                for name, count in (("pages", PAGES_IN_FLIGHT), ("regions", PAGES_IN_FLIGHT), ("finish", 1))
            }
            stack.callback(self._fleet.stop)
            self._pages, self._regions, self._finish = threads["pages"], threads["regions"], threads["finish"]
            self._flow = self._regions.submit(self._start)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def _start(self) -> PageFlow:
        self._fleet.start()
        clients = {name: self._fleet.client(name) for name in ("region_detection", "text_detection", "ocr")}
        return PageFlow(**clients, pool=self._regions)

    def read(
        self, sources: Iterable[Source], out: Path, progress: Progress, pages: str | None = None
    ) -> Iterator[Reading]:
        """See `DocumentReader.read`."""
        finishing: deque[Future[Reading]] = deque()
        for source in sources:
            document = self._send(source, progress, pages)
            finishing.append(self._finish.submit(self._write, source, document, out))
            while finishing and finishing[0].done():
                yield finishing.popleft().result()
        while finishing:
            yield finishing.popleft().result()

    def _send(self, source: Source, progress: Progress, pages: str | None) -> Document:
        """Open a document and send its pages on their way, at most `PAGES_IN_FLIGHT` at a time."""
        document = Document(source.path)
        try:
            with document.timed("opening"):
                info = self._opener.inspect(source.path)
            numbers = parse_pages(pages or f"1-{info.page_count}", info.page_count)
            document.expected_pages = len(numbers)
            progress.opened(source, len(numbers))
            self._send_pages(document, numbers, lambda: progress.page_done(source))
        except OcrError as error:
            document.error = ErrorInfo.of(error)
        except Exception as error:
            # The boundary between documents: a fault of ours in one of them must not cost the others.
            log.exception("a document could not be opened")
            document.error = ErrorInfo.of(error)
        return document

    def _send_pages(self, document: Document, numbers: Sequence[int], done: Callable[[], None]) -> None:
        costly = 0
        for number in numbers:
            self._slots.acquire()
            page = self._upright_page(document, number) if costly < MOST_COSTLY_PAGES else _not_tried(number)
            if isinstance(page, FailedPage):
                costly = costly + 1 if page.error.code in COSTLY else 0
                document.lose(page)
                self._slots.release()
                done()
            else:
                costly = 0
                document.keep(page, self._pages.submit(self._read_page, page, done))

    def _upright_page(self, document: Document, number: int) -> PageImage | FailedPage:
        stage: StageName = "opening"
        try:
            with document.timed("opening"):
                raw = self._opener.render(document.path, number)
            stage = "rotation"
            with document.timed("rotation"):
                [page] = self._rotation.run([raw])
        except OcrError as error:
            return FailedPage(number=number, stage=stage, error=ErrorInfo.of(error))
        except Exception as error:
            # The boundary between pages: a fault of ours in one of them must not cost the others.
            log.exception("page %d: %s failed", number, stage)
            return FailedPage(number=number, stage=stage, error=ErrorInfo.of(error))
        if isinstance(page, OcrError):
            return FailedPage(number=number, stage=stage, error=ErrorInfo.of(page))
        return page

    def _read_page(self, page: PageImage, done: Callable[[], None]) -> FlowAnswer:
        try:
            return self._flow.result()(page)
        finally:
            self._slots.release()
            done()

    def _write(self, source: Source, document: Document, out: Path) -> Reading:
        with document:
            parts = document.parts(self._rotation.model)
            result = validate(parts, self._rules)
            folder = out / source.name
            pages = [part.page for part in parts.pages if part.page.status == "ok"]
            dpi = {page.number: page.dpi for page in pages if page.dpi is not None}
            write_exports(result, document.page_image, folder, rules=self._rules, dpi=dpi)
        return Reading(source, result, folder)


def _not_tried(number: int) -> FailedPage:
    error = DocumentError(
        f"not tried: the {MOST_COSTLY_PAGES} pages before it could not be decoded within the limits",
        code=ErrorCode.DECODE_TIMEOUT,
    )
    return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))
