"""Opening hostile documents: one decoding process, held to its limits and replaced when it breaks them."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any, Final, Self, get_args

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, OcrError, RequestError
from hybrid_ocr.opening.channel import ChannelClosed
from hybrid_ocr.opening.child import Child, DecodedAnswer
from hybrid_ocr.opening.document import DocumentFormat, DocumentInfo, RawPage
from hybrid_ocr.opening.limits import OpeningLimits
from hybrid_ocr.opening.source import OpenFile, open_file, readable

_LONGEST_MESSAGE: Final = 300


class DocumentOpener:
    """Opens documents in a child process, which is started on entry and replaced after a fault.

    Several threads may share one; they take turns. The document of the last call stays open in the child, so
    the pages of a document cost the same from the first to the last.

        with DocumentOpener() as opener:
            info = opener.inspect(path)
            page = opener.render(path, 1)
    """

    def __init__(self, limits: OpeningLimits | None = None) -> None:
        self._limits = limits or OpeningLimits()
        self._lock = threading.Lock()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        with self._lock:
            self._child = self._child or Child(self._limits)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child. A later call starts another."""
        with self._lock:
            self._end_child()

    def inspect(self, source: Path, *, name: str | None = None) -> DocumentInfo:
        """The format and the number of pages, without decoding a page.

        Args:
            source: the file.
            name: what errors call the document; its file name if None.

        Raises:
            DocumentError: SOURCE_NOT_FOUND, EMPTY_FILE, FILE_TOO_LARGE, UNSUPPORTED_FORMAT,
                ENCRYPTED_DOCUMENT, TOO_MANY_PAGES, TRUNCATED_IMAGE, CORRUPT_DOCUMENT, DECODE_TIMEOUT,
                DECODE_MEMORY, DECODER_CRASHED.
            OcrError: INTERNAL where the child cannot be started.
        """
        shown = readable(source, name)
        with open_file(source, self._limits.file_bytes, shown) as file:
            header = self._ask(shown, file, None, self._limits.inspect_seconds).header
        form: Any = header.get("format")
        count = header.get("page_count")
        if form not in get_args(DocumentFormat) or not isinstance(count, int) or count < 1:
            raise _crashed(shown)
        return DocumentInfo(format=form, page_count=count, file_bytes=file.size)

    def render(self, source: Path, page: int, *, name: str | None = None) -> RawPage:
        """The pixels of page `page`, from 1; `name` as in `inspect`.

        Raises:
            DocumentError: as `inspect`, and PAGE_TOO_LARGE.
            RequestError: PAGE_OUT_OF_RANGE.
        """
        shown = readable(source, name)
        with open_file(source, self._limits.file_bytes, shown) as file:
            answer = self._ask(shown, file, page, self._limits.page_seconds)
        if not answer.pixels.size:
            raise _crashed(shown)
        dpi = answer.header.get("dpi")
        return RawPage(
            number=page,
            image=answer.pixels,
            dpi=float(dpi) if isinstance(dpi, (int, float)) and math.isfinite(dpi) and dpi > 0 else None,
            original=answer.original or None,
            encoding="jpeg" if answer.original else None,
        )

    def _ask(self, shown: str, file: OpenFile, page: int | None, seconds: float) -> DecodedAnswer:
        place = shown if page is None else f"{shown}: page {page}"
        with self._lock:
            request = {"key": file.key, "page": page, "seconds": seconds}
            if self._child is None or not self._child.send(request, file.fd):
                self._end_child()  # it died while idle: not this document's doing
                self._child = Child(self._limits)
                self._child.send(request, file.fd)
            try:
                answer = self._child.receive(seconds)
            except TimeoutError:
                self._replace_child()
                message = f"{place}: not decoded within {seconds:g} s"
                raise DocumentError(message, code=ErrorCode.DECODE_TIMEOUT) from None
            except OcrError:
                self._end_child()
                raise
            except ChannelClosed:
                if self._replace_child():
                    raise _crashed(shown, ErrorCode.DECODE_MEMORY) from None
                raise _crashed(shown) from None
            code = answer.header.get("error")
            if code == ErrorCode.DECODE_MEMORY:  # what is left of its heap is in pieces
                self._replace_child()
        if code is None:
            return answer
        raise _error(code, f"{place}: {str(answer.header.get('message'))[:_LONGEST_MESSAGE]}")

    def _replace_child(self) -> bool:
        """Start another child, which gets ready while the caller deals with the error.

        Returns:
            True where the one before seems to have died for want of memory.
        """
        out_of_memory = self._end_child()
        self._child = Child(self._limits)
        return out_of_memory

    def _end_child(self) -> bool:
        child, self._child = self._child, None
        return child is not None and child.end()


def _crashed(shown: str, code: ErrorCode = ErrorCode.DECODER_CRASHED) -> DocumentError:
    return DocumentError(f"{shown}: the decoding process died of it", code=code)


def _error(code: object, message: str) -> OcrError:
    if code == ErrorCode.PAGE_OUT_OF_RANGE:
        return RequestError(message, code=ErrorCode.PAGE_OUT_OF_RANGE)
    known = code if isinstance(code, str) and code in set(ErrorCode) else ErrorCode.DECODER_CRASHED
    return DocumentError(message, code=ErrorCode(known))
