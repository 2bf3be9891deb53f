"""Exact simulation, one invocation after another: for volumes of some millions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np

from autoscaling.simulation.documents import Beside, invocations, outcome
from autoscaling.simulation.fleet import Fleet
from autoscaling.simulation.model import STAGES, Arrivals, Counts, EndpointModel, Floats, Pipeline, before
from autoscaling.simulation.outcome import Outcome
from autoscaling.simulation.serving import Served, serve
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["Work", "simulate", "simulate_work"]


@dataclass(frozen=True)
class Work:
    """The invocations of documents, each with its own seconds; what becomes of them is what is simulated.

    Args:
        arrival: (n,) seconds at which documents came, ascending.
        document: (m,) the document of each invocation, ascending.
        before: (m,) seconds to each endpoint: from the answer of the endpoint before it, else from the
            document's arrival.
        after: (n,) seconds from a document's last invocation to its end.
        service: (m,) seconds of work at each endpoint.
        pages: of all documents together.
        coming: (k,) seconds, ascending, at which the flow learns of documents.
        readings: (r,) seconds, ascending, at which the first gauges were read; others are when they are due.
    """

    arrival: Floats
    document: Counts
    before: Mapping[EndpointStage, Floats]
    after: Floats
    service: Mapping[EndpointStage, Floats]
    pages: float
    coming: Floats
    readings: Floats | None = None

    @classmethod
    def of(cls, pipeline: Pipeline, arrivals: Arrivals, random: np.random.Generator) -> Self:
        """What the documents of a trace bring along; service times that vary are drawn."""
        document, pages = invocations(arrivals.pages, pipeline.pages_per_invocation)
        return cls(
            arrival=arrivals.times,
            document=document,
            before={stage: np.full(len(document), pipeline.before(stage)) for stage in STAGES},
            after=np.full(len(arrivals.times), pipeline.after_seconds),
            service={stage: pipeline.endpoints[stage].service.draw(pages, random) for stage in STAGES},
            pages=float(arrivals.pages.sum()),
            coming=arrivals.times,
        )


def simulate(pipeline: Pipeline, arrivals: Arrivals, *, seed: int = 0) -> Outcome:
    """What becomes of each document; the same seed gives the same outcome."""
    random = np.random.default_rng(seed)
    work = Work.of(pipeline, arrivals, random)
    return simulate_work(
        pipeline.endpoints, work, arrivals.duration_seconds, start=arrivals.start, random=random
    )


def simulate_work(
    endpoints: Mapping[EndpointStage, EndpointModel],
    work: Work,
    duration_seconds: float,
    *,
    start: datetime,
    random: np.random.Generator,
) -> Outcome:
    """What becomes of documents of which every step's own seconds are known.

    Args:
        endpoints: all of them; their service times are those of the work.
        work: the documents.
        duration_seconds: how long the series are at least.
        start: what time 0 is; schedules follow it.
        random: draws failures and want of capacity.
    """
    came = work.arrival[work.document]
    chance = dict(zip(STAGES, random.spawn(len(STAGES)), strict=True))  # of each, whoever else there is

    def run(stage: EndpointStage, arrival: Floats) -> Served:
        order = np.argsort(arrival, kind="stable")
        model = endpoints[stage]
        served = serve(
            model,
            arrival[order],
            work.service[stage][order],
            fleet=Fleet(model, start, chance[stage]),
            duration_seconds=duration_seconds,
            documents=work.coming,
            readings=work.readings,
        )
        return Served(served.passage.reordered(np.argsort(order, kind="stable")), served.series)

    served: dict[EndpointStage, Served] = {}
    for stage in STAGES:
        earlier = before(stage)
        since = served[earlier].passage.finish if earlier else came
        served[stage] = run(stage, since + work.before[stage])
    return outcome(
        work.arrival,
        np.ones(len(work.arrival)),
        document=work.document,
        passages={stage: each.passage for stage, each in served.items()},
        beside=Beside(work.before, work.after),
        series={stage: each.series for stage, each in served.items()},
        pages=work.pages,
        duration_seconds=duration_seconds,
    )
