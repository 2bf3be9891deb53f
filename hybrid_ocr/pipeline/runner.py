"""What a pipeline has started: the opener's process, the stages on their threads, and who writes results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo, OcrError
from hybrid_ocr.contracts.messages import FailedPage, PageImage
from hybrid_ocr.contracts.result import DocumentResult, PageRecord
from hybrid_ocr.opening import DocumentOpener, parse_pages
from hybrid_ocr.pipeline.document import DocumentInProgress, PageInProgress
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.stages import StageGraph
from hybrid_ocr.pipeline.task import Task
from hybrid_ocr.pipeline.worker import once_all_are_done
from hybrid_ocr.stages.validation import RuleSet, validate

PAGES_IN_PROGRESS: Final = 6
"""Enough to keep the networks busy and to fill batches of lines; a page holds 6 MB of image and crops."""

COSTLY: Final = frozenset({ErrorCode.DECODE_TIMEOUT, ErrorCode.DECODE_MEMORY, ErrorCode.DECODER_CRASHED})
MOST_COSTLY_PAGES: Final = 3
"""A page may take its whole time limit before it is given up. After so many of them in a row the rest of the
document is given up too: thousands of bomb pages must not hold the other documents for hours."""


class DocumentRunner:
    """Passes documents through the stages.

    Args:
        models: which artefact and engine each stage gets; they are there.
        rules: what documents are held to.

    Raises:
        EngineError: ENGINE_UNAVAILABLE, an engine is not installed here.
    """

    def __init__(self, models: Models, rules: RuleSet) -> None:
        self._rules = rules
        self._places = threading.BoundedSemaphore(PAGES_IN_PROGRESS)
        with ExitStack() as stack:
            self._opener = stack.enter_context(DocumentOpener())
            self._stages = StageGraph(models)
            stack.callback(self._stages.close)
            self._finisher = ThreadPoolExecutor(1, thread_name_prefix="finish")
            stack.callback(self._finisher.shutdown, cancel_futures=True)
            self._resources = stack.pop_all()

    def close(self) -> None:
        """Finish the pages on their way, then end threads and processes."""
        self._resources.close()

    def send(self, document: DocumentInProgress, task: Task) -> Future[DocumentResult]:
        """Open a document and send its pages on their way; returns when the last one has been sent."""
        progress = task.progress
        try:
            numbers = self.numbers(document, task.pages)
        except OcrError as error:
            document.error = ErrorInfo.of(error)
        else:
            if progress:
                progress.opened(len(numbers))
            done = progress.page_done if progress else None
            document.pages.extend(self.sent_pages(document, numbers, done))
        return self._finisher.submit(self._finished, document, task)

    def numbers(self, document: DocumentInProgress, pages: str | None) -> list[int]:
        """The pages of a document that are asked for; raises what is wrong with either."""
        with document.timed("opening"):
            count = self._opener.inspect(document.path, name=document.file_name).page_count
        numbers = parse_pages(pages or "1-", count)
        document.expected_pages = len(numbers)
        return numbers

    def sent_pages(
        self, document: DocumentInProgress, numbers: Sequence[int], done: Callable[[], None] | None = None
    ) -> Iterator[PageInProgress]:
        """Pages on their way through the stages, at most `PAGES_IN_PROGRESS` of all documents at a time.

        Raises what loading a stage raised.
        """
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
                yield PageInProgress(page, {})
                continue
            costly = 0
            document.keep_image(page)
            answers = self._stages.send(page)
            once_all_are_done(list(answers.values()), leave)
            yield PageInProgress(PageRecord.of(page), answers)

    def _upright(self, document: DocumentInProgress, number: int) -> PageImage | FailedPage:
        try:
            with document.timed("opening"):
                opened = self._opener.render(document.path, number, name=document.file_name)
        except OcrError as error:
            return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))
        return self._stages.upright(opened)

    def _finished(self, document: DocumentInProgress, task: Task) -> DocumentResult:
        try:
            parts = document.parts(self._stages.models() if document.pages else {})
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


def _not_tried(number: int) -> FailedPage:
    error = DocumentError(
        f"not tried: the {MOST_COSTLY_PAGES} pages before it could not be decoded within the limits",
        code=ErrorCode.DECODE_TIMEOUT,
    )
    return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))
