"""The decoding process: holds one document open and answers about it. Started by `DocumentOpener` alone.

Whatever a document does to this process (crash, hang, eat memory, take it over), it has no path to a file, no
credentials in its environment, no file it may grow, and an end.
"""

from __future__ import annotations

import mmap
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Final, Protocol

from PIL import Image

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, OcrError
from hybrid_ocr.opening import channel, formats
from hybrid_ocr.opening.document import DocumentFormat
from hybrid_ocr.opening.limits import OpeningLimits
from hybrid_ocr.opening.pdf import PdfDocument
from hybrid_ocr.opening.pixels import without_needless_colour
from hybrid_ocr.opening.raster import RasterDocument, Rendered

_GRACE: Final = 5.0
"""Seconds after which this process ends itself, should the opener be gone that would have ended it."""


class OpenDocument(Protocol):
    """An open document."""

    page_count: int

    def render(self, index: int) -> Rendered:
        """Page `index`, from 0."""

    def close(self) -> None:
        """Let go of the file."""


class DecodingWorker:
    """Answers requests, one at a time. The document of the last request stays open for the next."""

    def __init__(self, peer: socket.socket, limits: OpeningLimits) -> None:
        self._peer = peer
        self._limits = limits
        self._key: str | None = None
        self._data: mmap.mmap | None = None
        self._format: DocumentFormat = "pdf"
        self._document: OpenDocument | None = None

    def serve(self) -> None:
        """Answer until the opener hangs up."""
        while True:
            request, fd = channel.receive(self._peer)
            signal.setitimer(signal.ITIMER_REAL, request["seconds"] + _GRACE)
            try:
                header, payload = self._answer(request, fd)
            except Exception as error:
                header, payload = self._complaint(error), []
            channel.send(self._peer, header)
            for part in payload:
                channel.send_bytes(self._peer, part)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _answer(self, request: channel.Header, fd: int | None) -> tuple[channel.Header, list[memoryview]]:
        document = self._open(request["key"], fd)
        if request["page"] is None:
            return {"format": self._format, "page_count": document.page_count}, []
        number = request["page"]
        if not 1 <= number <= document.page_count:
            raise DocumentError(
                f"not there: the document has pages 1 to {document.page_count}",
                code=ErrorCode.PAGE_OUT_OF_RANGE,
            )
        page = document.render(number - 1)
        image = without_needless_colour(page.image)
        original = memoryview(self._data) if page.is_original and self._data else memoryview(b"")
        header = {"shape": image.shape, "dpi": page.dpi, "original": len(original)}
        return header, [image.reshape(-1).data, original]

    def _open(self, key: str, fd: int | None) -> OpenDocument:
        if fd is None:
            raise ValueError("a request comes with its file")
        file = os.fdopen(fd, "rb")
        if self._document is not None:
            if key == self._key:
                file.close()
                return self._document
            self._document.close()
        self._document = self._key = None
        self._data = data = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        self._format = formats.sniff(data)
        if self._format == "pdf":
            file.close()
            document: OpenDocument = PdfDocument(data, self._limits)
        else:
            document = RasterDocument(file, data, self._format, self._limits)
        if document.page_count < 1:
            raise DocumentError("the document has no pages")
        if document.page_count > self._limits.pages:
            raise DocumentError(f"more than {self._limits.pages} pages", code=ErrorCode.TOO_MANY_PAGES)
        self._document, self._key = document, key
        return document

    def _complaint(self, error: Exception) -> channel.Header:
        """Which fault of the document a decoder's exception stands for."""
        if isinstance(error, OcrError):
            return {"error": error.code, "message": error.message}
        if isinstance(error, MemoryError):
            return {"error": ErrorCode.DECODE_MEMORY, "message": f"needs over {self._limits.memory_mib} MiB"}
        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            message = f"more than {self._limits.page_pixels} px"
            return {"error": ErrorCode.PAGE_TOO_LARGE, "message": message}
        cut = "truncated" in str(error) or (self._data and not formats.is_whole(self._data, self._format))
        if cut:
            return {"error": ErrorCode.TRUNCATED_IMAGE, "message": "the image ends before its last pixel"}
        return {"error": ErrorCode.CORRUPT_DOCUMENT, "message": f"cannot be decoded ({_origin(error)})"}


def _origin(error: Exception) -> str:
    """Kind and place of an error. Its text stays out: it may quote the document."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frame.f_code.co_filename).name}:{line}"


def _confine(limits: OpeningLimits) -> None:
    """Take from this process what decoding does not need.

    RLIMIT_DATA counts what a process can write to (heap and private maps, since Linux 4.7), which is what a
    bomb grows; RLIMIT_AS would also count the code of libraries and the file itself.
    """
    memory = limits.memory_mib << 20
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the opener decides what an interrupt ends


def main() -> None:
    """Serve the socket whose number is the first argument, within the limits of the second."""
    limits = OpeningLimits.model_validate_json(sys.argv[2])
    with socket.socket(fileno=int(sys.argv[1])) as peer:
        _confine(limits)
        try:
            channel.send(peer, {"ready": True})
            DecodingWorker(peer, limits).serve()
        except channel.ChannelClosed:
            return


if __name__ == "__main__":
    main()
