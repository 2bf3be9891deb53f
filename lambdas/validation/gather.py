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
    PageAnswer,
    PageBatch,
    PageRegions,
    PageText,
    StageName,
)
from hybrid_ocr.contracts.result import DocumentParts, PageParts, PageRecord
from hybrid_ocr.contracts.stages import STAGES, chain, stage_title
from hybrid_ocr.opening import OpeningLimits, parse_pages
from hybrid_ocr.stages.validation.exports.images import EncodedImage
from hybrid_ocr.storage.objects import Objects
from lambdas.validation.answers import READ, BatchAnswers, read_answers

READERS: Final = 4
"""Batches read at once: a reader waits for S3 most of the time, and holds some 10 MB of images meanwhile."""

_ALONE: Final = re.compile(r"([1-9])-(\d+)-\2")
"""The label of a batch of a later round, which has one page."""

_OPENED: Final[StageName] = next(stage for stage, spec in STAGES.items() if spec.after is None)
"""The first stage: its answer is the page itself."""

AnswerT = TypeVar("AnswerT", bound=PageAnswer)


def gather(job: Job, work: Objects, bundle: Bundle) -> tuple[DocumentParts, StoredImages]:
    """The answers of all stages for a document, and its page images.

    Of several answers for a page the first that is no failure counts: a later round only adds. A page that a
    stage was lost for is a failure, with the reason that lies in S3. Where any answer came from a model that
    is not of the bundle, every page is refused with ARTIFACT_INVALID.

    Raises:
        DocumentError: SOURCE_NOT_FOUND, the job was never planned.
    """
    plan = work.read(keys.plan_key(job), Plan)
    present = frozenset(work.keys(keys.job_prefix(job)))
    known = _BestAnswers()
    with ThreadPoolExecutor(READERS) as readers:
        batches = _batches(job, plan, present)
        for answers in readers.map(lambda batch: read_answers(work, batch, present), batches):
            known.add(answers)
    numbers = sorted(known.numbers.union(*(_numbers(batch) for batch in plan.batches)))
    foreign = _foreign_model(known.models, bundle)
    parts = DocumentParts(
        job_id=job.job_id,
        source=job.source,
        expected_pages=plan.expected_pages,
        pages=tuple(known.parts(n) if foreign is None else _refused(n, *foreign) for n in numbers),
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


class _BestAnswers:
    """The best answer of each stage for each page so far."""

    def __init__(self) -> None:
        self.images: dict[int, str] = {}
        self.models: set[tuple[StageName, ModelIdentity | None]] = set()
        self._answers: Mapping[StageName, dict[int, PageAnswer | FailedPage]] = {stage: {} for stage in READ}
        self._losses: defaultdict[int, dict[StageName, ErrorInfo]] = defaultdict(dict)

    @property
    def numbers(self) -> set[int]:
        """The pages that were opened."""
        return set(self._answers[_OPENED])

    def add(self, answers: BatchAnswers) -> None:
        """Take what a batch brings; batches of later rounds come later."""
        for stage, pages in answers.answers.items():
            kept = _keep(self._answers[stage], pages)
            if stage == _OPENED:
                self.images |= dict.fromkeys(kept, keys.output_key(answers.batch, stage))
        for number in _numbers(answers.batch.pages):
            self._losses[number].update(answers.losses)
        self.models |= answers.models

    def parts(self, number: int) -> PageParts:
        """What is known of a page, as validation puts it together; other stages' answers stay in S3."""
        page = self._answer(number, _OPENED, PageRecord)
        if isinstance(page, FailedPage):
            return PageParts(page=page)
        return PageParts(
            page=page,
            regions=self._answer(number, "region_detection", PageRegions),
            text=self._answer(number, "ocr", PageText),
        )

    def seconds(self) -> dict[str, float]:
        """The stages' own time, by their answers and those of later stages."""
        spent: dict[StageName, float] = dict.fromkeys(STAGES, 0.0)
        for stage, answers in self._answers.items():
            for answer in answers.values():
                if isinstance(answer, FailedPage):
                    continue
                spent[stage] += answer.seconds
                for earlier, seconds in answer.seconds_before.items():
                    spent[earlier] += seconds
        return {stage: round(seconds, 4) for stage, seconds in spent.items()}

    def _answer(self, number: int, stage: StageName, kind: type[AnswerT]) -> AnswerT | FailedPage:
        """The answer of a stage for a page; where there is none, the reason."""
        answer = self._answers[stage].get(number)
        if answer is None:
            return self._lost(number, stage)
        if not isinstance(answer, kind | FailedPage):
            raise TypeError(f"{stage} gives {type(answer).__name__}, not {kind.__name__}")
        return answer

    def _lost(self, number: int, stage: StageName) -> FailedPage:
        """Why: the first stage on the way here that was lost, opening aside where the page was opened."""
        losses = self._losses[number]
        on_the_way = chain(stage)[1:] or (stage,)
        lost = next((before for before in on_the_way if before in losses), on_the_way[0])
        unknown = ErrorInfo(
            code=ErrorCode.STAGE_TIMEOUT, message=f"{stage_title(lost)} never answered", retryable=True
        )
        return FailedPage(number=number, stage=lost, error=losses.get(lost, unknown))


def _keep(known: dict[int, PageAnswer | FailedPage], answers: Iterable[PageAnswer | FailedPage]) -> list[int]:
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


def _foreign_model(
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
