"""Finds policies that cost less: an optimiser searches, the simulator judges.

Dollars are the aim, the limits of the goal its constraints, of the tree-structured Parzen estimator of Optuna
(Watanabe 2023, https://arxiv.org/abs/2304.11127). What comes out is the Pareto front of dollars and the p95
of job latency over all that was tried: candidates of which none is both cheaper and faster than another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autoscaling.arrivals import Trace
from autoscaling.policies import Policy
from autoscaling.prices import Prices
from autoscaling.report import Report, report
from autoscaling.scenario import Scenario
from autoscaling.search_space import Search, Space
from autoscaling.simulation.flow import simulate_flow
from autoscaling.simulation.model import STAGES, Volumes
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["Candidate", "Goal", "Tuning", "tune"]


@dataclass(frozen=True)
class Goal:
    """What the chosen candidate must keep to: p95 in seconds, dollars in 30 days; None is no limit."""

    p95_seconds: float | None = None
    dollars_per_month: float | None = None

    def or_as_good_as(self, told: Report) -> Goal:
        """This goal with a p95: if it has none, the one that there is now."""
        return self if self.p95_seconds is not None else replace(self, p95_seconds=told.p95)

    def excess(self, told: Report) -> dict[str, float]:
        """By what share each limit is passed; 0 or less where it holds."""
        pairs = {
            "p95": (told.p95, self.p95_seconds),
            "dollars": (told.dollars_per_month, self.dollars_per_month),
        }
        return {
            name: _finite(value) / limit - 1 for name, (value, limit) in pairs.items() if limit is not None
        }

    def met_by(self, told: Report) -> bool:
        """Whether all limits hold."""
        return all(share <= 0 for share in self.excess(told).values())


@dataclass(frozen=True)
class Candidate:
    """Policies, what they run on, and what the simulator says of them."""

    scenario: Scenario
    report: Report

    def changes(self) -> dict[tuple[EndpointStage, EndpointMode], Policy]:
        """The policies of the modes in use."""
        return {
            (stage, hosting.mode): self.scenario.policy(stage)
            for stage, hosting in self.scenario.hosting.items()
        }


@dataclass(frozen=True)
class Tuning:
    """What a search came to.

    Args:
        before: the scenario it began with.
        front: Pareto front of all that was tried, cheapest first.
        chosen: the cheapest that meets the goal, if any does.
        tried: how many candidates were simulated.
        interrupted: whether Control-C ended it before it had tried all.
    """

    before: Candidate
    front: tuple[Candidate, ...]
    chosen: Candidate | None
    tried: int
    interrupted: bool = False


def tune(
    trace: Trace,
    scenario: Scenario,
    *,
    space: Space,
    goal: Goal = Goal(),
    trials: int = 300,
    seed: int = 0,
    longest_seconds: float | None = None,
    progress: Callable[[int, Candidate | None], None] = lambda _tried, _best: None,
) -> Tuning:
    """Search; Control-C (KeyboardInterrupt) ends it with what it has found so far.

    Args:
        trace: what arrives.
        scenario: where the search begins.
        space: what may be chosen.
        goal: what to keep to.
        trials: how many candidates are simulated.
        seed: the same seed finds the same.
        longest_seconds: after which no further candidate is tried.
        progress: told after each candidate how many there were, and the best that meets the goal.

    Raises:
        ConfigurationError: a type has no price or service time.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    volumes = trace.volumes()
    before = _judge(scenario, space.prices, volumes)
    goal = goal.or_as_good_as(before.report)
    tried: list[Candidate] = [before]
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    search = Search(trace, scenario, space, goal.p95_seconds or 0.0)
    starts = list(search.starts())
    for start in starts:
        study.enqueue_trial(start)
    deadline = time.monotonic() + longest_seconds if longest_seconds is not None else np.inf

    def search_on() -> None:
        for number in range(trials):
            if time.monotonic() >= deadline:
                break
            if number >= len(starts):
                study.enqueue_trial(_kept(number, _best_choice(study.trials)))
            trial = study.ask()
            candidate = _judge(search.suggest(trial), space.prices, volumes)
            tried.append(candidate)
            for limit, share in goal.excess(candidate.report).items():
                trial.set_constraint(limit, share)
            # Of the logarithm, since a tenth is a tenth anywhere.
            study.tell(trial, float(np.log(max(candidate.report.dollars, 1e-6))))
            progress(len(tried) - 1, _best(tried, goal))

    interrupted = False
    try:
        search_on()
    except KeyboardInterrupt:
        interrupted = True
    return Tuning(before, _front(tried), _best(tried, goal), len(tried) - 1, interrupted)


def _kept(number: int, choice: Mapping[str, Any]) -> dict[str, Any]:
    """Of the best choice all but one endpoint's, the endpoints by turns; every fourth time nothing.

    What an endpoint costs hardly depends on the others, so the search comes further with one at a time.
    """
    turn = number % (len(STAGES) + 1)
    if turn == len(STAGES):
        return {}
    return {name: value for name, value in choice.items() if not name.startswith(f"{STAGES[turn]}.")}


def _best_choice(trials: Sequence[FrozenTrial]) -> Mapping[str, Any]:
    """The cheapest that keeps all limits, else the one that passes them least."""

    def merit(trial: FrozenTrial) -> tuple[float, float]:
        return sum(max(share, 0.0) for share in trial.constraints.values()), trial.value or 0.0

    return min((trial for trial in trials if trial.value is not None), key=merit).params


def _judge(scenario: Scenario, prices: Prices, volumes: Volumes) -> Candidate:
    pipeline = scenario.pipeline()
    return Candidate(scenario, report(simulate_flow(pipeline, volumes), pipeline, prices))


def _finite(seconds: float) -> float:
    return min(seconds, 1e9)


def _front(tried: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Cheapest first; each is faster than all before it."""
    front: list[Candidate] = []
    for candidate in sorted(tried, key=lambda each: (each.report.dollars, each.report.p95)):
        if not front or candidate.report.p95 < front[-1].report.p95:
            front.append(candidate)
    return tuple(front)


def _best(tried: Sequence[Candidate], goal: Goal) -> Candidate | None:
    meeting = [candidate for candidate in tried if goal.met_by(candidate.report)]
    return min(meeting, key=lambda each: (each.report.dollars, each.report.p95), default=None)
