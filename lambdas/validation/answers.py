"""What the stages wrote about one batch of pages, without its pixels."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo, RequestError
from hybrid_ocr.contracts.jobs import BatchTask
from hybrid_ocr.contracts.messages import (
    FailedPage,
    ModelIdentity,
    PageAnswer,
    PageImage,
    PageText,
    StageName,
)
from hybrid_ocr.contracts.result import PageRecord
from hybrid_ocr.contracts.stages import LAST, STAGES, chain, stage_title
from hybrid_ocr.storage.objects import Objects

READ: Final[tuple[StageName, ...]] = tuple(
    stage for stage, spec in STAGES.items() if spec.after is None or stage in LAST
)
"""Whose answers are read: the first, which is the page, and the last, which have what others passed on."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchAnswers:
    """The answers of one batch.

    Args:
        batch: which pages, of which round.
        answers: the answer of each stage of `READ` for each page; empty where the stage was lost.
        models: the models that answered; None for an answer that does not name its own model.
        losses: why a stage was lost, where that is known.
    """

    batch: BatchTask
    answers: Mapping[StageName, tuple[PageAnswer | FailedPage, ...]]
    models: frozenset[tuple[StageName, ModelIdentity | None]] = frozenset()
    losses: dict[StageName, ErrorInfo] = field(default_factory=dict)


def read_answers(work: Objects, batch: BatchTask, present: Collection[str]) -> BatchAnswers:
    """Everything in the work bucket about one batch.

    Args:
        work: the bucket.
        batch: whose answers.
        present: keys of the bucket that were seen.
    """
    reader = _Reader(work, batch, present)
    answers = {stage: reader.output(stage) for stage in READ}
    if any(answers[stage] is None for stage in LAST):
        reader.read_losses()
    return BatchAnswers(
        batch=batch,
        answers={stage: pages or () for stage, pages in answers.items()},
        models=frozenset(reader.models),
        losses=reader.losses,
    )


class _Reader:
    def __init__(self, work: Objects, batch: BatchTask, present: Collection[str]) -> None:
        self._work = work
        self._batch = batch
        self._present = present
        self.models: set[tuple[StageName, ModelIdentity | None]] = set()
        self.losses: dict[StageName, ErrorInfo] = {}

    def output(self, stage: StageName) -> tuple[PageAnswer | FailedPage, ...] | None:
        """What a stage wrote, or None; what is no message of its kind is a loss of that stage."""
        key = keys.output_key(self._batch, stage)
        if key not in self._present:
            return None
        try:
            batch = self._work.read(key, STAGES[stage].answer)
        except RequestError as error:
            log.error("batch %s: the output of %s is damaged", self._batch.label, stage)
            self.losses[stage] = ErrorInfo.of(error)
            return None
        self.models |= {(stage, batch.models.get(stage)), *batch.models.items()}
        return tuple(_without_bulk(page) for page in batch.pages)

    def read_losses(self) -> None:
        """Why stages were lost: what somebody wrote down, else that the first one to lack never answered."""
        for stage in STAGES:
            key = keys.error_key(self._batch, stage)
            if key in self._present:
                self.losses.setdefault(stage, self._work.read(key, ErrorInfo))
        for last in LAST:
            stages = chain(last)
            if not self.losses.keys() & set(stages):
                self._never_answered(stages)

    def _never_answered(self, stages: tuple[StageName, ...]) -> None:
        for stage in stages:
            if keys.output_key(self._batch, stage) not in self._present:
                message = f"{stage_title(stage)} never answered for batch {self._batch.label}"
                self.losses[stage] = ErrorInfo(code=ErrorCode.STAGE_TIMEOUT, message=message, retryable=True)
                return


def _without_bulk(page: PageAnswer | FailedPage) -> PageAnswer | FailedPage:
    """Without what is large: pixels, and the confidence of each character, which no rule asks for."""
    if isinstance(page, PageImage):
        return PageRecord.of(page)
    if isinstance(page, PageText):
        lines = tuple(line.model_copy(update={"character_confidence": ()}) for line in page.lines)
        return page.model_copy(update={"lines": lines})
    return page
