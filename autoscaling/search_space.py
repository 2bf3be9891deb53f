"""What the tuner may choose, and where it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from autoscaling.arrivals import Trace
from autoscaling.policies import METRICS, Policies, Policy, Tracking, Wake
from autoscaling.prices import Prices
from autoscaling.scenario import Hosting, Scenario
from autoscaling.schedules import propose
from autoscaling.service_times import ServiceTimes
from autoscaling.simulation.model import STAGES
from ocr_core.contracts.errors import RequestError
from ocr_core.contracts.jobs import EndpointMode, EndpointStage

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Space", "starts", "suggest"]

_TARGETS: Final[Mapping[EndpointMode, tuple[float, float]]] = {"async": (1, 200), "realtime": (0.5, 4)}
"""Backlog of an instance; requests at once of an instance, of the four that a container takes."""

_MODES: Final[Mapping[str, EndpointMode]] = {mode: mode for mode in METRICS}
_OUT_COOLDOWNS: Final = (0, 60, 120, 300)
_IN_COOLDOWNS: Final = (0, 60, 300, 600)
_UTILISATIONS: Final = (0.0, 0.4, 0.6, 0.8, 1.0)
"""Of scheduled instances; 0 stands for no schedule."""

_MOST_KEPT: Final = 2
_RANKS: Final = 3
_QUARTER_HOUR: Final = 900.0
_REASONABLE: Final = 0.7
"""Utilisation at which an endpoint still has short queues."""

_WAKE: Final = Wake(periods=2, add_instances=1, cooldown_seconds=300)


class _Try(NamedTuple):
    """One way to begin.

    Args:
        kept: instances that always stay.
        busy: utilisation of scheduled ones; 0 stands for no schedule.
        early: by what the target is divided, to scale out before there is a backlog.
        room: how many times what the load wants there may be at most, to get rid of a backlog.
    """

    kept: int
    busy: float = 0.0
    early: int = 1
    room: int = 1


_TRIES: Final = (
    _Try(0),
    _Try(1),
    _Try(1, early=4, room=2),
    _Try(2, early=4, room=2),
    _Try(0, 0.8),
    _Try(1, 0.6, 2),
)


@dataclass(frozen=True)
class Space:
    """What the search may choose from.

    Args:
        prices: of the instance types.
        instance_types: of each endpoint.
        modes: kinds of endpoint.
        most_instances: of each endpoint.
        timezone: in which schedules repeat.
    """

    prices: Prices
    instance_types: Mapping[EndpointStage, Sequence[str]]
    modes: Sequence[EndpointMode] = ("async", "realtime")
    most_instances: int = 24
    timezone: str = "Etc/UTC"

    @classmethod
    def of(cls, prices: Prices, times: ServiceTimes, only: Sequence[str] = (), **others: Any) -> Space:  # noqa: ANN401
        """The space of all types that both tables have, or of some, without those that another one beats.

        Raises:
            RequestError: one of `only` has no price or no service times, or no type has both.
        """
        known = [name for name in times.types if name in prices.instances]
        if unknown := [name for name in only if name not in known]:
            raise RequestError(
                f"{unknown[0]}: has no price or no service times; those are {', '.join(known)}"
            )
        if not known:
            raise RequestError("no instance type has both a price and service times: add one to both tables")
        types = {stage: _unbeaten(stage, only or known, times, prices) for stage in STAGES}
        return cls(prices, types, **others)


def suggest(trial: Trial, trace: Trace, scenario: Scenario, space: Space) -> Scenario:
    """A candidate. Every choice is made whether or not it matters, so that the space is the same for all."""
    policies: dict[str, dict[EndpointMode, Policy]] = {}
    hosting: dict[EndpointStage, Hosting] = {}
    for stage in STAGES:
        mode = _MODES[trial.suggest_categorical(f"{stage}.mode", list(space.modes))]
        host = Hosting(trial.suggest_categorical(f"{stage}.type", list(space.instance_types[stage])), mode)
        policy = _policy(trial, stage, scenario, host, space)
        busy = trial.suggest_categorical(f"{stage}.scheduled_utilisation", _UTILISATIONS)
        if busy:
            seconds = scenario.service_times.seconds_per_page(
                stage, host.instance_type, trace.pages_per_request
            )
            actions = propose(trace, policy, seconds, utilisation=busy, timezone=space.timezone)
            policy = policy.model_copy(update={"schedules": actions})
        hosting[stage] = host
        policies[stage] = {**getattr(scenario.policies, stage), mode: policy}
    return replace(scenario, policies=Policies.model_validate(policies), hosting=hosting)


def starts(trace: Trace, scenario: Scenario, space: Space, within_seconds: float) -> Iterator[dict[str, Any]]:
    """What a person would try first: the policies as they are, on types that reckoning by hand finds cheap.

    With as many instances as finish everything within the time there is; some with one that always stays,
    some with schedules.
    """
    slot = float(np.clip(within_seconds, _QUARTER_HOUR, trace.duration))
    ranked = {
        stage: sorted(_reckoned(trace, scenario, stage, name, space=space, slot=slot) for name in types)
        for stage, types in space.instance_types.items()
    }
    for rank in range(_RANKS):
        for mode in space.modes:
            for told in _TRIES:
                choice: dict[str, Any] = {}
                for stage, types in ranked.items():
                    _, name, most = types[min(rank, len(types) - 1)]
                    choice |= _start(scenario, space, stage, Hosting(name, mode), told=told, most=most)
                yield choice


def _reckoned(
    trace: Trace, scenario: Scenario, stage: EndpointStage, name: str, *, space: Space, slot: float
) -> tuple[float, str, int]:
    """Dollars, type, and instances at most, if they followed the load of each slot of time at once."""
    _, pages = trace.per_tick(slot)
    seconds = scenario.service_times.seconds_per_page(stage, name, trace.pages_per_request)
    needed = np.ceil(pages * seconds / (slot * _REASONABLE))
    # Work for which there are never enough instances waits: as good as out of the question.
    short = np.maximum(needed - space.most_instances, 0)
    paid = float((needed + 10 * short).sum()) * slot
    return space.prices.dollars(name, paid), name, int(needed.max())


def _policy(trial: Trial, stage: EndpointStage, scenario: Scenario, host: Hosting, space: Space) -> Policy:
    lowest = trial.suggest_int(f"{stage}.min", 0, min(_MOST_KEPT, space.most_instances))
    highest = trial.suggest_int(f"{stage}.max", 1, space.most_instances)
    place = trial.suggest_float(f"{stage}.target", 0, 1)
    out = trial.suggest_categorical(f"{stage}.out_cooldown", _OUT_COOLDOWNS)
    back = trial.suggest_categorical(f"{stage}.in_cooldown", _IN_COOLDOWNS)
    lowest = max(lowest, 1) if host.mode == "realtime" else lowest
    usual = scenario.policies.of(stage, host.mode)
    return Policy(
        min_instances=lowest,
        max_instances=max(highest, lowest),
        tracking=Tracking(
            metric=usual.tracking.metric if usual else METRICS[host.mode][0],
            target=_target(host.mode, place),
            scale_out_cooldown_seconds=out,
            scale_in_cooldown_seconds=back,
        ),
        # How soon an endpoint wakes costs nothing, so it is not searched for.
        wake=((usual and usual.wake) or _WAKE) if host.mode == "async" else None,
    )


def _unbeaten(
    stage: EndpointStage, names: Sequence[str], times: ServiceTimes, prices: Prices
) -> tuple[str, ...]:
    """Types of which no other is as cheap by the hour, as cheap by the page and as fast."""

    def merits(name: str) -> tuple[float, float, float]:
        seconds = times.seconds_per_page(stage, name, 8)
        return prices.dollars(name, 3600), prices.dollars(name, seconds), seconds

    def beaten(own: tuple[float, ...]) -> bool:
        others = (other for other in told.values() if other != own)
        return any(all(x <= y for x, y in zip(other, own, strict=True)) for other in others)

    told = {name: merits(name) for name in names}
    return tuple(name for name, own in told.items() if not beaten(own))


def _start(
    scenario: Scenario, space: Space, stage: EndpointStage, host: Hosting, *, told: _Try, most: int
) -> dict[str, Any]:
    """The policy that there is, begun in one of the ways."""
    policy = scenario.policies.of(stage, host.mode) or scenario.policy(stage)
    tracking = policy.tracking
    low, high = _TARGETS[host.mode]
    place = np.log(tracking.target / told.early / low) / np.log(high / low)
    return {
        f"{stage}.mode": host.mode,
        f"{stage}.type": host.instance_type,
        f"{stage}.min": min(told.kept, space.most_instances),
        f"{stage}.max": min(max(told.room * most, policy.max_instances), space.most_instances),
        f"{stage}.target": float(np.clip(place, 0, 1)),
        f"{stage}.out_cooldown": _nearest(tracking.scale_out_cooldown_seconds, _OUT_COOLDOWNS),
        f"{stage}.in_cooldown": _nearest(tracking.scale_in_cooldown_seconds, _IN_COOLDOWNS),
        f"{stage}.scheduled_utilisation": told.busy,
    }


def _target(mode: EndpointMode, place: float) -> float:
    """From [0, 1] to two digits between the bounds, evenly in logarithms."""
    low, high = _TARGETS[mode]
    return float(f"{low * (high / low) ** place:.2g}")


def _nearest(value: int, choices: Sequence[int]) -> int:
    return min(choices, key=lambda each: abs(each - value))
