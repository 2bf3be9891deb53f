"""A batch as bodies that a real-time endpoint takes, and its answers as one batch again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybrid_ocr.contracts.codec import encode
from hybrid_ocr.contracts.errors import ArtifactError, EngineError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.messages import Batch, FailedPage, ModelIdentity, StageName
from hybrid_ocr.contracts.stages import ENDPOINTS, STAGES

INPUTS: Final[Mapping[EndpointStage, type[Batch]]] = {
    stage: request for stage in ENDPOINTS if (request := STAGES[stage].request) is not None
}
OUTPUTS: Final[Mapping[EndpointStage, type[Batch]]] = {stage: STAGES[stage].answer for stage in ENDPOINTS}

_ARRAY_HEADER: Final = 4
"""Bytes by which the header of a msgpack array can grow beyond that of an empty one."""


@dataclass(frozen=True)
class SplitBatch:
    """A batch as bodies. `failed` are the pages that are in none of them, by their number."""

    bodies: tuple[bytes, ...]
    failed: Mapping[int, FailedPage]


def split_batch(batch: Batch, stage: EndpointStage, most_bytes: int) -> SplitBatch:
    """SplitBatch a batch into bodies of as many whole pages as fit, in their order.

    A page that failed before stays out and travels on; one that is too large alone fails with BODY_TOO_LARGE.
    """
    empty = len(encode(batch.model_copy(update={"pages": ()}))) + _ARRAY_HEADER
    failed: dict[int, FailedPage] = {}
    groups: list[list[object]] = []
    room = 0
    for page in batch.pages:
        if isinstance(page, FailedPage):
            failed[page.number] = page
            continue
        size = len(encode(page))
        if empty + size > most_bytes:
            failed[page.number] = _too_large(page.number, stage, size, most_bytes)
            continue
        if size > room:
            groups.append([])
            room = most_bytes - empty
        groups[-1].append(page)
        room -= size
    bodies = tuple(encode(batch.model_copy(update={"pages": tuple(group)})) for group in groups)
    return SplitBatch(bodies, failed)


def merge(
    batch: Batch, stage: EndpointStage, failed: Mapping[int, FailedPage], answers: Sequence[Batch]
) -> Batch:
    """The output for a whole batch out of the answers to its bodies, its pages in the order of the input.

    Raises:
        EngineError: the answers are not of the pages that were sent.
        ArtifactError: two answers come from different models.
    """
    pages = {page.number: page for answer in answers for page in answer.pages} | dict(failed)
    numbers = [page.number for page in batch.pages]
    if sorted(pages) != sorted(numbers) or sum(len(a.pages) for a in answers) + len(failed) != len(numbers):
        raise EngineError(f"{stage} answered for other pages than it was sent")
    models = _models([batch.models, *(answer.models for answer in answers)], stage)
    return OUTPUTS[stage].model_validate(
        {"models": models, "pages": tuple(pages[number] for number in numbers)}
    )


def _models(
    identities: Iterable[Mapping[StageName, ModelIdentity]], stage: EndpointStage
) -> dict[StageName, ModelIdentity]:
    models: dict[StageName, ModelIdentity] = {}
    for answer_models in identities:
        for name, model in answer_models.items():
            if models.setdefault(name, model) != model:
                raise ArtifactError(f"two answers of {stage} name different models of {name}")
    return models


def _too_large(number: int, stage: EndpointStage, size: int, most_bytes: int) -> FailedPage:
    error = ErrorInfo(
        code=ErrorCode.BODY_TOO_LARGE,
        message=f"page {number} alone has {size} bytes; a real-time call takes {most_bytes}",
        retryable=False,
    )
    return FailedPage(number=number, stage=stage, error=error)
