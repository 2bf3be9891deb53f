"""Pages of a batch, or a single image: opened, turned upright, and what to say of those that fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, ErrorInfo, OcrError, RequestError
from hybrid_ocr.contracts.jobs import BatchTask
from hybrid_ocr.contracts.messages import FailedPage, PageBatch, PageImage, StageName
from hybrid_ocr.opening import DocumentOpener, OpeningLimits, parse_pages
from hybrid_ocr.stages.rotation.stage import RotationStage
from hybrid_ocr.storage.objects import Objects
from lambdas.rotation.documents import DocumentCache

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UprightPages:
    """Opens pages in the opener's process and turns them upright in this one."""

    opener: DocumentOpener
    stage: RotationStage

    def batch(self, path: Path, numbers: list[int], name: str) -> PageBatch:
        """Pages of a document; one that cannot be read is a FailedPage.

        Args:
            path: of the document on this disk.
            numbers: which pages.
            name: what errors call the document.

        Raises:
            OcrError: a fault that is not of one page, so that the batch may be tried again.
        """
        pages = tuple(self._page_or_failure(path, number, name) for number in numbers)
        return PageBatch(models={"rotation": self.stage.model}, pages=pages)

    def image(self, data: bytes) -> PageImage:
        """An image file of a single page.

        Raises:
            DocumentError: it cannot be opened, or is a PDF or of several pages.
            EngineError: the network failed.
        """
        with TemporaryDirectory(prefix="hybrid-ocr-") as folder:
            path = Path(folder, "image")
            path.write_bytes(data)
            info = self.opener.inspect(path)
            if info.format == "pdf" or info.page_count > 1:
                message = f"a {info.format} of {info.page_count} pages is no single image"
                raise DocumentError(message, code=ErrorCode.UNSUPPORTED_FORMAT)
            page = self.stage.run([self.opener.render(path, 1)])[0]
        if isinstance(page, OcrError):
            raise page
        return page

    def _page_or_failure(self, path: Path, number: int, name: str) -> PageImage | FailedPage:
        stage: StageName = "opening"
        try:
            raw = self.opener.render(path, number, name=name)
            stage = "rotation"
            page = self.stage.run([raw])[0]
        except (DocumentError, RequestError) as error:
            page = error
        except OcrError:
            raise
        except Exception as error:
            # The boundary between pages: a fault of ours in one of them must not cost the others.
            log.exception("page %d: %s failed", number, stage)
            return FailedPage(number=number, stage=stage, error=ErrorInfo.of(error))
        return (
            FailedPage(number=number, stage=stage, error=ErrorInfo.of(page))
            if isinstance(page, OcrError)
            else page
        )


@dataclass(frozen=True)
class BatchRotation:
    """Rotation of one batch of the flow: the document from S3, its pages to S3."""

    work: Objects
    documents: DocumentCache
    pages: UprightPages

    def __call__(self, batch: BatchTask) -> None:
        """Write the upright pages of a batch, unless they are there.

        Raises:
            Exception: why the batch is lost; it then also lies in S3, for validation.
        """
        key = keys.output_key(batch, "rotation")
        if self.work.exists(key):
            return
        with self._reason_kept(batch):
            numbers = parse_pages(batch.pages, OpeningLimits().pages)
            path, name = self.documents.path(batch.job), document_name(batch.job.source)
            self.work.write_first(key, self.pages.batch(path, numbers, name))

    @contextmanager
    def _reason_kept(self, batch: BatchTask) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.work.write(keys.error_key(batch, "rotation"), ErrorInfo.of(error))
            raise
