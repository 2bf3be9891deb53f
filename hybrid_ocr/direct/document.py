"""A document while its pages are on their way through the stages."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, PageImage, StageName
from hybrid_ocr.contracts.result import DocumentParts, PageParts
from hybrid_ocr.direct.page_flow import FlowAnswer
from hybrid_ocr.opening import OpeningLimits


class Document:
    """Collects what the stages say. Page images wait on disk for the exports, so memory stays flat."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.expected_pages = 0
        self.error: ErrorInfo | None = None
        self._answers: list[Future[FlowAnswer]] = []
        self._encodings: dict[int, str] = {}
        self._images = TemporaryDirectory(prefix="hybrid-ocr-")
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._images.cleanup()

    @contextmanager
    def timed(self, stage: StageName) -> Iterator[None]:
        """Count the time spent inside as that stage's."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] += time.monotonic() - began

    def keep(self, page: PageImage, answer: Future[FlowAnswer]) -> None:
        """Remember a page that is on its way; its pixels go to disk."""
        self._image_file(page.number).write_bytes(page.data)
        self._encodings[page.number] = page.encoding
        self._answers.append(answer)

    def lose(self, page: FailedPage) -> None:
        """Remember a page that failed before it reached the endpoints."""
        answer: Future[FlowAnswer] = Future()
        answer.set_result(FlowAnswer(PageParts(page=page), models={}, seconds={}))
        self._answers.append(answer)

    def page_image(self, number: int) -> tuple[bytes, str] | None:
        """The upright page as it went to the endpoints: its bytes and their encoding; None for a lost one."""
        if number not in self._encodings:
            return None
        return self._image_file(number).read_bytes(), self._encodings[number]

    def parts(self, rotated_by: ModelIdentity) -> DocumentParts:
        """Wait for the pages on their way; gather what was said, and which network rotated the pages."""
        models: dict[StageName, ModelIdentity] = {"rotation": rotated_by}
        seconds = self._seconds.copy()
        pages = []
        for answer in (pending.result() for pending in self._answers):
            pages.append(answer.parts)
            models |= answer.models
            for stage, spent in answer.seconds.items():
                seconds[stage] += spent
        seconds["total"] = time.monotonic() - self._started
        return DocumentParts(
            job_id=job_id(self.path),
            source=str(self.path),
            expected_pages=self.expected_pages,
            pages=tuple(pages),
            error=self.error,
            models=models,
            timings={stage: round(spent, 4) for stage, spent in seconds.items()},
        )

    def _image_file(self, number: int) -> Path:
        return Path(self._images.name, f"page-{number}")


def job_id(path: Path) -> str:
    """The same file gives the same id: a hash of its name and its bytes, or of its name if it has none."""
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape") + b"\0")
    # What is no regular file may never end, and a file beyond the limit is refused unread.
    if path.is_file() and path.stat().st_size <= OpeningLimits().file_bytes:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
