"""The end of a job: its answers become a result, the result its files in S3 and its event."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.codec import JSON
from hybrid_ocr.contracts.errors import DocumentError
from hybrid_ocr.contracts.jobs import Outcome, ValidationTask
from hybrid_ocr.contracts.result import DocumentParts, DocumentResult
from hybrid_ocr.stages.validation.exports import write_exports
from hybrid_ocr.stages.validation.exports.images import PageImages
from hybrid_ocr.stages.validation.rules import RuleSet
from hybrid_ocr.stages.validation.validate import validate
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.objects import Objects
from lambdas.validation.gather import gather
from lambdas.validation.outcome import outcome_of

RESULT: Final = "result.json"
CONTENT_TYPES: Final = {
    ".json": JSON,
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".hocr": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResultPublisher:
    """Validates what was read of a document and keeps it; a result that is there already stays.

    Args:
        work: the bucket of everything on its way.
        results: the bucket of what users keep.
        bundles: which models a job is pinned to.
        rules: what documents are held to.
    """

    work: Objects
    results: Objects
    bundles: Bundles
    rules: RuleSet

    def __call__(self, task: ValidationTask) -> Outcome:
        """The event of a job's end; the same one however often it is asked for.

        Raises:
            OcrError: what was read cannot be gathered.
        """
        prefix = keys.result_prefix(task.job.job_id, task.job.attempt)
        key = prefix + RESULT
        if not self.results.exists(key):
            parts, images = self._gathered(task)
            with TemporaryDirectory(prefix="hybrid-ocr-") as folder:
                self._export(parts, images, Path(folder))
                self._upload(Path(folder), prefix)
        result = self.results.read(key, DocumentResult)
        return outcome_of(task.job, task.plan, result, self.results.uri(key))

    def _gathered(self, task: ValidationTask) -> tuple[DocumentParts, PageImages]:
        job, plan = task.job, task.plan
        if plan.error is None:
            return gather(job, self.work, self.bundles.get(job.bundle))
        parts = DocumentParts(
            job_id=job.job_id,
            source=job.source,
            expected_pages=plan.expected_pages,
            pages=(),
            error=plan.error,
            bundle=job.bundle,
        )
        return parts, lambda _: None

    def _export(self, parts: DocumentParts, images: PageImages, folder: Path) -> None:
        try:
            write_exports(validate(parts, self.rules), images, folder, rules=self.rules, dpi=parts.dpi)
        except DocumentError as error:
            log.error("an export with pictures is left out: %s", error.message)

    def _upload(self, folder: Path, prefix: str) -> None:
        """The files of a result, result.json last: whoever sees it sees all."""
        for path in _last(RESULT, folder.iterdir()):
            content_type = CONTENT_TYPES[path.suffix]
            if path.name == RESULT:
                self.results.put_first(prefix + RESULT, path.read_bytes(), content_type)
            else:
                with path.open("rb") as file:
                    self.results.put(prefix + path.name, file, content_type)


def _last(name: str, paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.name == name, path.name))
