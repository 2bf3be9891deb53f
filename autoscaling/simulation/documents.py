"""From what became of invocations to what became of documents; the same for both simulators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from autoscaling.simulation.model import STAGES, WAYS, Counts, Floats, Pipeline
from autoscaling.simulation.outcome import EndpointSeries, Outcome
from hybrid_ocr.contracts.batches import batch_size
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["Passage", "invocations", "outcome"]


@dataclass(frozen=True)
class Passage:
    """How (n,) invocations passed one endpoint, in seconds: when they came and finished, how much of the wait
    was without any instance in service, and how long they were worked on. Never finished is infinity."""

    arrival: Floats
    finish: Floats
    cold_start: Floats
    service: Floats

    def reordered(self, index: Counts) -> Passage:
        """The same, the i-th being what was the index[i]-th."""
        return Passage(self.arrival[index], self.finish[index], self.cold_start[index], self.service[index])


def invocations(pages: Counts, most: int) -> tuple[Counts, Counts]:
    """(m,) the document of each invocation, ascending, and (m,) its pages, cut as the flow does it."""
    sizes, of = np.unique(pages, return_inverse=True)
    size = np.array([batch_size(int(pages), most) for pages in sizes], dtype=np.int64)[of]
    whole, rest = np.divmod(pages, size)
    count = whole + (rest > 0)
    document = np.repeat(np.arange(len(pages)), count)
    in_each = size[document]
    ends = np.cumsum(count) - 1
    in_each[ends[rest > 0]] = rest[rest > 0]
    return document, in_each


@dataclass(frozen=True)
class Beside:
    """Seconds that the flow takes beside its endpoints: (m,) of invocations before each endpoint, and (n,) of
    documents after their last one."""

    before: Mapping[EndpointStage, Floats]
    after: Floats

    @classmethod
    def of(cls, pipeline: Pipeline, invocations: int, documents: int) -> Self:
        """The same for all."""
        before = {stage: np.full(invocations, pipeline.before(stage)) for stage in STAGES}
        return cls(before, np.full(documents, pipeline.after_seconds))


def outcome(
    came: Floats,
    weight: Floats,
    *,
    document: Counts,
    passages: Mapping[EndpointStage, Passage],
    beside: Beside,
    series: Mapping[EndpointStage, EndpointSeries],
    pages: float,
    duration_seconds: float,
) -> Outcome:
    """What became of documents that `came` at (n,) seconds, by the passages of their (m,) invocations."""
    finish, cold_start, service = _longest(passages, beside)
    slowest = np.lexsort((finish, document))[np.flatnonzero(np.diff(document, append=-1))]
    latency = finish[slowest] + beside.after - came
    cold_start = cold_start[slowest]
    service = service[slowest] + beside.after
    queue = np.full(len(latency), math.inf)
    done = np.isfinite(latency)
    queue[done] = np.maximum(latency[done] - cold_start[done] - service[done], 0.0)
    return Outcome(came, weight, latency, queue, cold_start, service, pages, dict(series), duration_seconds)


def _longest(passages: Mapping[EndpointStage, Passage], beside: Beside) -> tuple[Floats, Floats, Floats]:
    """(m,) of the way on which an invocation finished last: when, cold starts and service, in seconds."""
    finish = cold_start = service = np.empty(0)
    for number, way in enumerate(WAYS):
        cold = sum((passages[stage].cold_start for stage in way), start=np.zeros(1))
        work = sum((passages[stage].service + beside.before[stage] for stage in way), start=np.zeros(1))
        end = passages[way[-1]].finish
        if number == 0:
            finish, cold_start, service = end, cold, work
            continue
        later = end >= finish
        finish = np.maximum(finish, end)
        cold_start, service = np.where(later, cold, cold_start), np.where(later, work, service)
    return finish, cold_start, service
