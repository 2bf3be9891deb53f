"""Simulation by flow per tick: for any volume, at a cost that grows with simulated time alone.

Each endpoint is a fluid queue (autoscaling/simulation/fluid.py). What documents meet is found by following
some thousands of them along the curves of what came and what was started.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from autoscaling.simulation.curve import Curve
from autoscaling.simulation.documents import Beside, Passage, invocations, outcome
from autoscaling.simulation.fleet import Fleet
from autoscaling.simulation.fluid import Basin
from autoscaling.simulation.model import (
    STAGES,
    Counts,
    Floats,
    Pipeline,
    ServiceTime,
    Volumes,
    before,
)
from autoscaling.simulation.outcome import Outcome
from autoscaling.simulation.queue import FluidQueue
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["simulate_flow"]

_SAMPLES: Final = 20_000
"""Documents followed through the endpoints, spread evenly over all that came."""


_STILL_TOGETHER: Final = 1 / 3
_PASSED_ON: Final = 1 / 12
"""Of the batches that a document comes with, the share that a reading of the backlog finds together: some are
done by then, and an endpoint passes them on one by one. Fitted to the simulation of events."""


def simulate_flow(pipeline: Pipeline, volumes: Volumes, *, seed: int = 0) -> Outcome:
    """What becomes of the documents; the same seed gives the same outcome.

    Raises:
        ConfigurationError: a tick is longer than the period of a metric that a policy follows.
    """
    random = np.random.default_rng(seed)
    work = _Work.of(volumes, pipeline.pages_per_invocation)
    came = _later(volumes.pages * work.invocations_per_page, pipeline.before_seconds / volumes.tick_seconds)

    def run(stage: EndpointStage, inflow: Floats) -> Curve:
        model = pipeline.endpoints[stage]
        service, tick = model.service, volumes.tick_seconds
        queue = FluidQueue(work.mean_service(service), work.variability(service, tick), tick)
        fleet = Fleet(model, volumes.start, random)
        clump = 1 + (work.burst - 1) * (_PASSED_ON if before(stage) else _STILL_TOGETHER)
        basin = Basin(model, queue, fleet, tick_seconds=tick, random=random, clump=clump)
        return basin.run(inflow, volumes.documents)

    curves: dict[EndpointStage, Curve] = {}
    for stage in STAGES:
        earlier = before(stage)
        curves[stage] = run(stage, curves[earlier].outflow if earlier else came)
    times, weight = _sampled(volumes)
    document_pages = random.choice(volumes.sizes, len(times), p=volumes.shares)
    document, pages = invocations(document_pages, pipeline.pages_per_invocation)
    arrival = times[document] + pipeline.before_seconds

    def follow(stage: EndpointStage, curve: Curve, arrival: Floats) -> Passage:
        service = pipeline.endpoints[stage].service.draw(pages, random)
        return curve.follow(arrival, service, document, random, together=before(stage) is None)

    passages: dict[EndpointStage, Passage] = {}
    for stage in STAGES:
        earlier = before(stage)
        since = passages[earlier].finish if earlier else arrival
        passages[stage] = follow(stage, curves[stage], since)
    return outcome(
        times,
        weight,
        document=document,
        passages=passages,
        beside=Beside.of(pipeline, len(document), len(times)),
        series={stage: curve.series for stage, curve in curves.items()},
        pages=float(volumes.pages.sum()),
        duration_seconds=volumes.duration_seconds,
    )


@dataclass(frozen=True)
class _Work:
    """What an average invocation is, of documents cut up by `most` pages."""

    pages: Counts
    shares: Floats
    invocations_per_page: float
    burst: float

    @classmethod
    def of(cls, volumes: Volumes, most: int) -> _Work:
        document, pages = invocations(volumes.sizes, most)
        count = np.bincount(document)
        shares = volumes.shares[document]
        mean_count = float(volumes.shares @ count)
        return cls(
            pages=pages,
            shares=shares / shares.sum(),
            invocations_per_page=mean_count / float(volumes.shares @ volumes.sizes),
            burst=float(volumes.shares @ count**2) / mean_count,
        )

    def mean_service(self, service: ServiceTime) -> float:
        return float(self.shares @ service.mean(self.pages))

    def variability(self, service: ServiceTime, tick_seconds: float) -> float:
        """Half the sum of the dispersion of arrivals and the squared variation of service (Allen-Cunneen).

        How arrivals scatter from tick to tick is in the volumes; only how they do within a tick is not. Seen
        over two service times, in which a queue at ease forgets, that is this share of all their scatter.
        """
        mean = self.mean_service(service)
        unseen = max(0.0, 1 - 2 * mean / tick_seconds)
        second = float(self.shares @ service.mean(self.pages) ** 2) * (1 + service.variation**2)
        return (unseen * self.burst + second / mean**2 - 1) / 2


def _later(inflow: Floats, ticks: float) -> Floats:
    """The same inflow so many ticks later; what falls between two ticks is shared by both."""
    if not ticks:
        return inflow
    whole, part = int(ticks), ticks - int(ticks)
    return np.pad(inflow * (1 - part), (whole, 1)) + np.pad(inflow * part, (whole + 1, 0))


def _sampled(volumes: Volumes) -> tuple[Floats, Floats]:
    """(n,) times at which documents came, evenly over their number, and for how many each stands."""
    total = float(volumes.documents.sum())
    if not total:
        return np.empty(0), np.empty(0)
    reached = np.concatenate([[0.0], np.cumsum(volumes.documents)])
    wanted = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * total
    after = np.searchsorted(reached, wanted, side="left")
    share = (wanted - reached[after - 1]) / volumes.documents[after - 1]
    return (after - 1 + share) * volumes.tick_seconds, np.full(_SAMPLES, total / _SAMPLES)
