"""All that the stages wrote about a job, put together for validation; pixels stay where they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.jobs import BatchTask, Bundle, Job, Plan
from hybrid_ocr.contracts.messages import (
    FailedPage,
    ModelIdentity,
    PageBatch,
    PageRegions,
    PageText,
    StageName,
)
from hybrid_ocr.contracts.result import DocumentParts, PageParts, PageRecord
from hybrid_ocr.contracts.stages import stage_title
from hybrid_ocr.opening import OpeningLimits, parse_pages
from hybrid_ocr.stages.validation.exports.images import EncodedImage
from hybrid_ocr.storage.objects import Objects
from lambdas.validation.answers import BatchAnswers, read_answers

READERS: Final = 4
"""Batches read at once: a reader waits for S3 most of the time, and holds some 10 MB of images meanwhile."""

_ALONE: Final = re.compile(r"([1-9])-(\d+)-\2")
"""The label of a batch of a later round, which has one page."""

AnswerT = TypeVar("AnswerT", PageRecord, PageRegions, PageText)


def gather(job: Job, work: Objects, bundle: Bundle) -> tuple[DocumentParts, StoredImages]:
    """What was said about a document, and its page images.

    Of several answers for a page the first that is no failure counts: a later round only adds. A page that a
    stage was lost for is a failure, with the reason that lies in S3. Where any answer came from a model that
    is not of the bundle, every page is refused with ARTIFACT_INVALID.

    Raises:
        DocumentError: SOURCE_NOT_FOUND, the job was never planned.
    """
    plan = work.read(keys.plan_key(job), Plan)
    present = frozenset(work.keys(keys.job_prefix(job)))
    known = _Known()
    with ThreadPoolExecutor(READERS) as readers:
        batches = _batches(job, plan, present)
        for answers in readers.map(lambda batch: read_answers(work, batch, present), batches):
            known.add(answers)
    numbers = sorted({*known.pages}.union(*(_numbers(batch) for batch in plan.batches)))
    stranger = _stranger(known.models, bundle)
    parts = DocumentParts(
        job_id=job.job_id,
        source=job.source,
        expected_pages=plan.expected_pages,
        pages=tuple(known.parts(n) if stranger is None else _refused(n, *stranger) for n in numbers),
        bundle=job.bundle,
        models={stage: model for stage, model in known.models if model is not None},
        timings=known.seconds(),
    )
    return parts, StoredImages(work, known.images)


class StoredImages:
    """Page images that stay in S3 until they are asked for; holds those of one batch."""

    def __init__(self, work: Objects, where: Mapping[int, str]) -> None:
        self._work = work
        self._where = where
        self._key = ""
        self._held: dict[int, EncodedImage] = {}

    def __call__(self, number: int) -> EncodedImage | None:
        """The upright image of a page and its encoding; None for a page that has none."""
        key = self._where.get(number)
        if key is None:
            return None
        if key != self._key:
            self._held = {}  # before the next ones come, so that no two batches are held
            pages = self._work.read(key, PageBatch).pages
            self._held = {p.number: (p.data, p.encoding) for p in pages if not isinstance(p, FailedPage)}
            self._key = key
        return self._held.get(number)


class _Known:
    """The best answer of each stage for each page so far."""

    def __init__(self) -> None:
        self.pages: dict[int, PageRecord | FailedPage] = {}
        self.images: dict[int, str] = {}
        self.models: set[tuple[StageName, ModelIdentity | None]] = set()
        self._regions: dict[int, PageRegions | FailedPage] = {}
        self._text: dict[int, PageText | FailedPage] = {}
        self._losses: defaultdict[int, dict[StageName, ErrorInfo]] = defaultdict(dict)

    def add(self, answers: BatchAnswers) -> None:
        """Take what a batch brings; batches of later rounds come later."""
        key = keys.output_key(answers.batch, "rotation")
        self.images |= dict.fromkeys(_keep(self.pages, answers.pages), key)
        _keep(self._regions, answers.regions)
        _keep(self._text, answers.text)
        for number in _numbers(answers.batch.pages):
            self._losses[number].update(answers.losses)
        self.models |= answers.models

    def parts(self, number: int) -> PageParts:
        """What is known of a page."""
        page = self.pages.get(number) or self._lost(number, "rotation")
        if isinstance(page, FailedPage):
            return PageParts(page=page)
        return PageParts(
            page=page,
            regions=self._regions.get(number) or self._lost(number, "region_detection"),
            text=self._text.get(number) or self._lost(number, "text_detection", "ocr"),
        )

    def seconds(self) -> dict[str, float]:
        """The stages' own time, as their answers tell it."""
        text = [answer for answer in self._text.values() if isinstance(answer, PageText)]
        spent: dict[StageName, float] = {
            "rotation": _spent(self.pages.values()),
            "region_detection": _spent(self._regions.values()),
            "text_detection": sum(answer.detection_seconds for answer in text),
            "ocr": _spent(text),
        }
        return {stage: round(seconds, 4) for stage, seconds in spent.items()}

    def _lost(self, number: int, *stages: StageName) -> FailedPage:
        losses = self._losses[number]
        stage = next((stage for stage in stages if stage in losses), stages[0])
        message = f"{stage_title(stage)} never answered"
        unknown = ErrorInfo(code=ErrorCode.STAGE_TIMEOUT, message=message, retryable=True)
        return FailedPage(number=number, stage=stage, error=losses.get(stage, unknown))


def _spent(answers: Iterable[PageRecord | PageRegions | PageText | FailedPage]) -> float:
    return sum(answer.seconds for answer in answers if not isinstance(answer, FailedPage))


def _keep(known: dict[int, AnswerT | FailedPage], answers: Iterable[AnswerT | FailedPage]) -> list[int]:
    """Add answers where there was none or a failure; returns the pages that are now answered by one."""
    kept = []
    for answer in answers:
        if isinstance(answer, FailedPage):
            known.setdefault(answer.number, answer)
        elif isinstance(known.get(answer.number), FailedPage | None):
            known[answer.number] = answer
            kept.append(answer.number)
    return kept


def _batches(job: Job, plan: Plan, present: Iterable[str]) -> list[BatchTask]:
    """The batches of which anything is there, those of earlier rounds first."""
    prefix = keys.job_prefix(job)
    labels = {
        label for label, slash, _ in (key.removeprefix(prefix).partition("/") for key in present) if slash
    }
    first = [BatchTask(job=job, round=0, pages=pages) for pages in plan.batches]
    alone = [match.groups() for match in map(_ALONE.fullmatch, labels) if match]
    return [batch for batch in first if batch.label in labels] + [
        BatchTask(job=job, round=int(round_), pages=page) for round_, page in sorted(alone)
    ]


def _numbers(pages: str) -> list[int]:
    return parse_pages(pages, OpeningLimits().pages)


def _stranger(
    models: Iterable[tuple[StageName, ModelIdentity | None]], bundle: Bundle
) -> tuple[StageName, ErrorInfo] | None:
    """The first stage that answered with another model than the bundle's."""
    for stage, model in sorted(models, key=str):
        pinned = bundle.models.get(stage)
        if model != pinned:
            message = (
                f"{stage_title(stage)} answered with {_named(model)}, "
                f"but bundle {bundle.id} has {_named(pinned)}"
            )
            return stage, ErrorInfo.of(ArtifactError(message))
    return None


def _named(model: ModelIdentity | None) -> str:
    return f"{model.name} {model.version} ({model.sha256})" if model else "no model"


def _refused(number: int, stage: StageName, error: ErrorInfo) -> PageParts:
    return PageParts(page=FailedPage(number=number, stage=stage, error=error))
