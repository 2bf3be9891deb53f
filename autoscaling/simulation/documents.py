"""From what became of invocations to what became of documents; the same for both simulators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autoscaling.simulation.model import STAGES, Counts, EndpointSeries, Floats, Outcome, Pipeline
from ocr_core.contracts.jobs import EndpointStage

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
    """(m,) the document of each invocation, ascending, and (m,) its pages: documents cut up by `most`."""
    whole, rest = np.divmod(pages, most)
    count = whole + (rest > 0)
    document = np.repeat(np.arange(len(pages)), count)
    sizes = np.full(len(document), most)
    ends = np.cumsum(count) - 1
    sizes[ends[rest > 0]] = rest[rest > 0]
    return document, sizes


def outcome(
    pipeline: Pipeline,
    came: Floats,
    weight: Floats,
    *,
    document: Counts,
    passages: Mapping[EndpointStage, Passage],
    series: Mapping[EndpointStage, EndpointSeries],
    pages: float,
    duration_seconds: float,
) -> Outcome:
    """What became of documents that `came` at (n,) seconds, by the passages of their (m,) invocations."""
    region, text, ocr = (passages[stage] for stage in STAGES)
    longer = region.finish > ocr.finish
    finish = np.maximum(region.finish, ocr.finish)
    slowest = np.lexsort((finish, document))[np.flatnonzero(np.diff(document, append=-1))]
    latency = finish[slowest] + pipeline.after_seconds - came
    cold_start = np.where(longer, region.cold_start, text.cold_start + ocr.cold_start)[slowest]
    service = np.where(longer, region.service, text.service + ocr.service)[slowest]
    service = service + pipeline.before_seconds + pipeline.after_seconds
    queue = np.full(len(latency), math.inf)
    done = np.isfinite(latency)
    queue[done] = np.maximum(latency[done] - cold_start[done] - service[done], 0.0)
    return Outcome(came, weight, latency, queue, cold_start, service, pages, dict(series), duration_seconds)
