"""What a simulation gives; all times in seconds from the start of the trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autoscaling.simulation.model import Floats
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["EndpointSeries", "Outcome"]


@dataclass(frozen=True)
class EndpointSeries:
    """One endpoint over time: its state at the end of each period, and sums over the whole run.

    Args:
        times: (p,) ends of the periods.
        backlog: (p,) invocations that wait or are worked on.
        instances: (p,) instances in service.
        desired: (p,) instances asked for.
        paid_seconds: instance seconds from the moment an instance is there until it has gone.
        busy_seconds: instance seconds of work; half of an instance's slots busy count as half.
    """

    times: Floats
    backlog: Floats
    instances: Floats
    desired: Floats
    paid_seconds: float
    busy_seconds: float

    @property
    def idle_seconds(self) -> float:
        """Instance seconds paid for without work."""
        return max(self.paid_seconds - self.busy_seconds, 0.0)


@dataclass(frozen=True)
class Outcome:
    """What happened.

    `latency`, `queue`, `cold_start` and `service` are (n,) seconds, one row for each document (or for all
    documents of a tick that fared alike) in order of arrival, `weight` says for how many documents a row
    stands. The last three add up to the first along the path that finished last; what lies before and after
    the endpoints counts as service. A document that is never done has infinite latency.
    """

    arrival: Floats
    weight: Floats
    latency: Floats
    queue: Floats
    cold_start: Floats
    service: Floats
    pages: float
    endpoints: Mapping[EndpointStage, EndpointSeries]
    duration_seconds: float

    def mean(self) -> float:
        """Mean job latency, seconds."""
        return float(np.average(self.latency, weights=self.weight)) if self.weight.sum() else 0.0

    def percentile(self, percent: float) -> float:
        """The latency that `percent` of all documents do not exceed, seconds."""
        if not self.weight.sum():
            return 0.0
        order = np.argsort(self.latency, kind="stable")
        reached = np.cumsum(self.weight[order])
        index = np.searchsorted(reached, percent / 100 * reached[-1])
        return float(self.latency[order][min(int(index), len(order) - 1)])

    def missed(self, deadline_seconds: float) -> float:
        """Documents that took longer."""
        return float(self.weight[self.latency > deadline_seconds].sum())
