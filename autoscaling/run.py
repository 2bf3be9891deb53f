"""One simulation from end to end: a scenario, a trace, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from autoscaling.arrivals import Trace
from autoscaling.prices import Prices
from autoscaling.report import Report, report
from autoscaling.scenario import Scenario
from autoscaling.simulation import events
from autoscaling.simulation.flow import simulate_flow
from autoscaling.simulation.model import Pipeline
from autoscaling.simulation.outcome import Outcome

__all__ = ["EVENTS_UP_TO", "Resolution", "Run", "run"]

Resolution = Literal["auto", "events", "flow"]

EVENTS_UP_TO: Final = 50_000
"""Documents that are simulated one by one; more flow tick by tick, which costs the same for any number."""


@dataclass(frozen=True)
class Run:
    """What was simulated, and what happened."""

    name: str
    trace: Trace
    pipeline: Pipeline
    outcome: Outcome
    report: Report


def run(
    scenario: Scenario,
    trace: Trace,
    prices: Prices,
    *,
    name: str = "policy",
    resolution: Resolution = "auto",
    deadline_seconds: float | None = None,
    seed: int = 0,
) -> Run:
    """Simulate.

    Args:
        scenario: policies and what they run on.
        trace: what arrives.
        prices: of the instance types.
        name: what a person calls this run.
        resolution: each document as an event, or flows by tick; `auto` chooses by their number.
        deadline_seconds: documents that take longer are counted.
        seed: of what is drawn by lot: service times that vary, failures, want of capacity.

    Raises:
        ConfigurationError: a policy, a service time or a price is missing.
    """
    pipeline = scenario.pipeline()
    if resolution == "events" or (resolution == "auto" and trace.total_documents <= EVENTS_UP_TO):
        outcome = events.simulate(pipeline, trace.arrivals(), seed=seed)
    else:
        outcome = simulate_flow(pipeline, trace.volumes(), seed=seed)
    return Run(name, trace, pipeline, outcome, report(outcome, pipeline, prices, deadline_seconds))
