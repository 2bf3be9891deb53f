"""What a simulation came to: latency and where it was spent, instances, money; two of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from autoscaling.prices import Prices
from autoscaling.simulation.model import STAGES, Pipeline
from autoscaling.simulation.outcome import Outcome
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["PERCENTS", "EndpointCost", "Latency", "Report", "compare", "report"]

PERCENTS: Final = (50, 95, 99)
_BAND: Final = 0.5
"""Percent to both sides: where a percentile's time went is asked of the documents around it, not of one."""

_MONTH_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True)
class Latency:
    """A percentile of job latency and its three parts, seconds; the parts add up to it."""

    total: float
    queue: float
    cold_start: float
    service: float


@dataclass(frozen=True)
class EndpointCost:
    """What one endpoint took."""

    instance_type: str
    hours: float
    idle_hours: float
    dollars: float
    most_instances: int
    scale_outs: int


@dataclass(frozen=True)
class Report:
    """The sums of one simulation.

    Dollars are for instances alone: the rest of the flow costs the same under any policy.
    """

    documents: float
    pages: float
    duration_seconds: float
    latency: Mapping[int, Latency]
    endpoints: Mapping[EndpointStage, EndpointCost]
    missed: float
    deadline_seconds: float | None

    @property
    def p95(self) -> float:
        """Seconds."""
        return self.latency[95].total

    @property
    def hours(self) -> float:
        """Instance hours paid for."""
        return sum(endpoint.hours for endpoint in self.endpoints.values())

    @property
    def idle_hours(self) -> float:
        """Instance hours paid for without work."""
        return sum(endpoint.idle_hours for endpoint in self.endpoints.values())

    @property
    def dollars(self) -> float:
        """For the whole trace."""
        return sum(endpoint.dollars for endpoint in self.endpoints.values())

    @property
    def dollars_per_month(self) -> float:
        """If 30 days were like the trace."""
        return self.dollars * _MONTH_SECONDS / self.duration_seconds

    @property
    def dollars_per_thousand_pages(self) -> float:
        """0 where no page came."""
        return 1000 * self.dollars / self.pages if self.pages else 0.0


def report(
    outcome: Outcome, pipeline: Pipeline, prices: Prices, deadline_seconds: float | None = None
) -> Report:
    """Sum up what happened.

    Raises:
        ConfigurationError: an instance type has no price.
    """
    endpoints: dict[EndpointStage, EndpointCost] = {}
    for stage in STAGES:
        series, model = outcome.endpoints[stage], pipeline.endpoints[stage]
        rises = np.diff(series.desired, prepend=series.desired[:1])
        endpoints[stage] = EndpointCost(
            instance_type=model.instance_type,
            hours=series.paid_seconds / 3600,
            idle_hours=series.idle_seconds / 3600,
            dollars=prices.dollars(model.instance_type, series.paid_seconds),
            most_instances=int(series.instances.max(initial=0)),
            scale_outs=int((rises > 0).sum()),
        )
    return Report(
        documents=float(outcome.weight.sum()),
        pages=outcome.pages,
        duration_seconds=outcome.duration_seconds,
        latency={percent: _latency(outcome, percent) for percent in PERCENTS},
        endpoints=endpoints,
        missed=outcome.missed(deadline_seconds) if deadline_seconds is not None else 0.0,
        deadline_seconds=deadline_seconds,
    )


def compare(reports: Mapping[str, Report]) -> list[tuple[str, ...]]:
    """A table: a heading, then a row for each fact with a cell for each report, and with two their ratio."""
    every = list(reports.values())
    rows: list[tuple[str, ...]] = [("", *reports, *(["ratio"] if len(every) == 2 else []))]
    for name, fact, form in _facts(every):
        values = [fact(each) for each in every]
        cells = [form(value) for value in values]
        if len(values) == 2:
            cells.append(_ratio(values[0], values[1]))
        rows.append((name, *cells))
    return rows


_Fact = tuple[str, Callable[[Report], float], Callable[[float], str]]


def _facts(reports: Sequence[Report]) -> list[_Fact]:
    facts: list[_Fact] = [
        ("documents", lambda told: told.documents, _count),
        ("pages", lambda told: told.pages, _count),
    ]
    for percent in PERCENTS:
        facts.append((f"p{percent} latency", partial(_part, percent, "total"), seconds))
        facts += [
            (f"  {name.replace('_', ' ')}", partial(_part, percent, name), seconds)
            for name in ("queue", "cold_start", "service")
        ]
    deadlines = {told.deadline_seconds for told in reports if told.deadline_seconds is not None}
    if deadlines:
        facts.append((f"later than {seconds(max(deadlines))}", lambda told: told.missed, _count))
    for stage in STAGES:
        facts.append((f"{stage} hours", partial(_cost, stage, "hours"), _hours))
        facts.append(("  idle", partial(_cost, stage, "idle_hours"), _hours))
        facts.append(("  most instances", partial(_cost, stage, "most_instances"), _count))
    facts.append(("dollars", lambda told: told.dollars, dollars))
    facts.append(("dollars in 30 days", lambda told: told.dollars_per_month, dollars))
    facts.append(("dollars per 1,000 pages", lambda told: told.dollars_per_thousand_pages, dollars))
    return facts


def _part(percent: int, name: str, told: Report) -> float:
    return float(getattr(told.latency[percent], name))


def _cost(stage: EndpointStage, name: str, told: Report) -> float:
    return float(getattr(told.endpoints[stage], name))


def seconds(value: float) -> str:
    """A time as people say it."""
    if not np.isfinite(value):
        return "never done"
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def dollars(value: float) -> str:
    """A sum; small ones with more digits."""
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def _hours(value: float) -> str:
    return f"{value:,.1f} h"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _ratio(first: float, second: float) -> str:
    if not (np.isfinite(first) and np.isfinite(second)) or first <= 0:
        return ""
    return f"{second / first:.2f}"


def _latency(outcome: Outcome, percent: int) -> Latency:
    """The percentile, split in the proportions of the documents around it."""
    total = outcome.percentile(percent)
    low = outcome.percentile(percent - _BAND)
    high = outcome.percentile(min(percent + _BAND, 100))
    around = (outcome.latency >= low) & (outcome.latency <= high) & np.isfinite(outcome.latency)
    if not np.isfinite(total) or not around.any():
        return Latency(total, np.nan, np.nan, np.nan) if outcome.weight.sum() else Latency(0.0, 0.0, 0.0, 0.0)
    weights = outcome.weight[around]
    parts = [
        float(np.average(each[around], weights=weights))
        for each in (outcome.queue, outcome.cold_start, outcome.service)
    ]
    scale = total / sum(parts) if sum(parts) > 0 else 0.0
    return Latency(total, *(part * scale for part in parts))
