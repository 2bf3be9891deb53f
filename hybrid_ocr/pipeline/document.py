"""A document while its pages are on their way through the stages."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hybrid_ocr.contracts.document_name import displayed_path, document_name
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, PageImage, StageName
from hybrid_ocr.contracts.result import DocumentParts, PageParts, PageRecord
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.opening import OpeningLimits
from hybrid_ocr.pipeline.worker import PendingAnswer


@dataclass(frozen=True)
class PageInProgress:
    """A page that left rotation, or failed before; what the later stages say of it is still to come."""

    page: PageRecord | FailedPage
    answers: Mapping[StageName, PendingAnswer]

    @property
    def is_read(self) -> bool:
        """Whether nothing is still to come."""
        return all(answer.done() for answer in self.answers.values())

    def parts(self) -> PageParts:
        """Wait for what the stages say. Raises what loading a stage raised."""
        if isinstance(self.page, FailedPage):
            return PageParts(page=self.page)
        return PageParts(
            page=self.page,
            regions=self.answers["region_detection"].result(),
            text=self.answers["ocr"].result(),
        )


class DocumentInProgress:
    """Collects what the stages say. Page images wait on disk for the exports, so memory stays flat.

    Args:
        source: a file, or the bytes of one.
        name: what people call it; by default its path.
        keeps_images: whether page images are kept for exports.
    """

    def __init__(self, source: Path | bytes, name: str | None = None, *, keeps_images: bool = True) -> None:
        self._folder = TemporaryDirectory(prefix="hybrid-ocr-")
        if isinstance(source, bytes):
            self.path = Path(self._folder.name, "document")  # a name never reaches the file system
            self.path.write_bytes(source)
        else:
            self.path = source
        self.name = name or ("document" if isinstance(source, bytes) else displayed_path(source))
        self.file_name = document_name(self.name)
        self.expected_pages = 0
        self.error: ErrorInfo | None = None
        self.pages: list[PageInProgress] = []
        self._keeps_images = keeps_images
        self._encodings: dict[int, str] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._started = time.monotonic()

    def close(self) -> None:
        """Remove the page images."""
        self._folder.cleanup()

    @contextmanager
    def timed(self, stage: StageName) -> Iterator[None]:
        """Count the time spent inside as that stage's."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] += time.monotonic() - began

    def keep_image(self, page: PageImage) -> None:
        """Keep the pixels of a page for the exports."""
        if self._keeps_images:
            self._image_file(page.number).write_bytes(page.data)
            self._encodings[page.number] = page.encoding

    def page_image(self, number: int) -> tuple[bytes, str] | None:
        """The upright page as the stages saw it: its bytes and their encoding; None for one that is lost."""
        if number not in self._encodings:
            return None
        return self._image_file(number).read_bytes(), self._encodings[number]

    def parts(self, models: Mapping[StageName, ModelIdentity]) -> DocumentParts:
        """Wait for the pages on their way and gather their answers.

        Args:
            models: the weights of the stages.
        """
        pages = tuple(page.parts() for page in self.pages)
        seconds = self._seconds | _seconds_of(self.pages) | {"total": time.monotonic() - self._started}
        return DocumentParts(
            job_id=job_id(self.path, self.name),
            source=self.name,
            expected_pages=self.expected_pages,
            pages=pages,
            error=self.error,
            models=dict(models) if self.pages else {},
            timings={stage: round(spent, 4) for stage, spent in seconds.items()},
        )

    def _image_file(self, number: int) -> Path:
        return Path(self._folder.name, f"page-{number}.image")


def _seconds_of(pages: Iterable[PageInProgress]) -> dict[str, float]:
    """The stages' own time, by their answers and those of later stages."""
    spent: defaultdict[str, float] = defaultdict(float)
    for page in pages:
        answered = {"rotation": page.page, **{name: answer.result() for name, answer in page.answers.items()}}
        for stage, answer in answered.items():
            if not isinstance(answer, FailedPage):
                spent[stage] += answer.seconds
                for earlier, seconds in answer.seconds_before.items():
                    spent[earlier] += seconds
    return {stage: spent[stage] for stage in STAGES if stage in spent}


def job_id(path: Path, name: str) -> str:
    """The same file gives the same id: a hash of its name and its bytes, or of its name if it has none."""
    digest = hashlib.sha256(name.encode() + b"\0")
    # What is no regular file may never end, and a file beyond the limit is refused unread.
    if path.is_file() and path.stat().st_size <= OpeningLimits().file_bytes:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
