"""Code detection: a page image in, its QR codes out. OpenCV finds and reads them, so there are no weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import DocumentError, EngineError, OcrError
from hybrid_ocr.contracts.messages import Code, PageCodes, PageImage
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.images import decode_page
from hybrid_ocr.stages.code_detection.postprocess import as_codes


class CodeDetectionStage:
    """Finds QR codes page by page."""

    def __init__(self) -> None:
        """Ready at once: there is nothing to load."""
        self._detector = cv2.QRCodeDetector()

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """A stage; `context` has nothing for it, since the table names no artefact."""
        del context
        return cls()

    @property
    def model(self) -> None:
        """No weights answer, so bundles pin none."""
        return None

    def run(self, batch: Sequence[PageImage]) -> list[PageCodes | OcrError]:
        """Find the codes of every page; one that cannot be decoded is answered with its error."""
        return [self._answer(page) for page in batch]

    def _answer(self, page: PageImage) -> PageCodes | OcrError:
        started = time.perf_counter()
        try:
            codes = self._codes(cv2.cvtColor(decode_page(page), cv2.COLOR_BGR2GRAY))
        except DocumentError as error:
            return error
        except cv2.error as error:
            return EngineError(f"the detector of codes failed on page {page.number}: {error.err}")
        seconds = time.perf_counter() - started
        return PageCodes(number=page.number, codes=codes, seconds=seconds)

    def _codes(self, grey: NDArray[np.uint8]) -> tuple[Code, ...]:
        found, quads = self._detector.detectMulti(grey)
        if not found:
            return ()
        return as_codes(quads, [self._text(grey, quad) for quad in quads])

    def _text(self, grey: NDArray[np.uint8], quad: NDArray[np.float32]) -> str:
        """What a code says; nothing where it is damaged, which says nothing about its neighbours."""
        try:
            text: str = self._detector.decode(grey, quad[None])[0]
        except (cv2.error, UnicodeDecodeError):
            return ""
        return text
