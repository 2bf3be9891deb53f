"""What the tuner may choose, and where it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from autoscaling.arrivals import Trace
from autoscaling.policies import METRICS, Policies, Policy, Tracking, Wake
from autoscaling.prices import Prices
from autoscaling.scenario import Hosting, Scenario
from autoscaling.schedules import propose
from autoscaling.service_times import ServiceTimes
from autoscaling.simulation.model import STAGES
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Search", "Space"]

_TARGETS: Final[Mapping[EndpointMode, tuple[float, float]]] = {"async": (1, 200), "realtime": (0.5, 4)}
"""Backlog of an instance; requests at once of an instance, of the four that a container takes."""

_MODES: Final[Mapping[str, EndpointMode]] = {mode: mode for mode in METRICS}
_OUT_COOLDOWNS: Final = (0, 60, 120, 300)
_IN_COOLDOWNS: Final = (0, 60, 300, 600)
_UTILISATIONS: Final = (0.0, 0.4, 0.6, 0.8, 1.0)
"""Of scheduled instances; 0 stands for no schedule."""

_KEPT: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Instances that always stay, as multiples of what the load wants on average."""

_ROOM: Final = (0.5, 4.0)
"""Instances at most, as multiples of what the load wants at its highest: a backlog must go, too."""

_REASONABLE: Final = 0.7
"""Utilisation at which an endpoint still has short queues."""

_SHORTEST_SLOT: Final = 900.0
_RANKS: Final = 3
_WAKE: Final = Wake(periods=2, add_instances=1, cooldown_seconds=300)


class _Try(NamedTuple):
    """One way to begin; `early` divides the target, to scale out before there is much of a backlog."""

    kept: float
    busy: float = 0.0
    early: int = 1
    room: float = 1.0


_TRIES: Final = (
    _Try(0.0),
    _Try(0.5),
    _Try(0.5, early=4, room=2.0),
    _Try(4.0, early=4, room=2.0),
    _Try(0.0, busy=0.8),
    _Try(0.5, busy=0.6, early=2),
)


class _Need(NamedTuple):
    """What a load wants of one instance type, if instances followed it at once. Sorts by dollars."""

    dollars: float
    instance_type: str
    most: float
    mean: float


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
    most_instances: int = 40
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
        types = {
            stage: _unbeaten(stage, [n for n in only or known if times.knows(stage, n)], times, prices)
            for stage in STAGES
        }
        if missing := [stage for stage, names in types.items() if not names]:
            raise RequestError(f"{missing[0]} has no service times on {', '.join(only or known)}: add them")
        return cls(prices, types, **others)


class Search:
    """Turns the optimiser's choices into scenarios.

    Bounds are chosen as multiples of what the load wants of an instance type: so a choice that is good on one
    type is about as good on another.

    Args:
        trace: what arrives.
        scenario: where the search begins.
        space: what may be chosen.
        within_seconds: how long work may wait.
    """

    def __init__(self, trace: Trace, scenario: Scenario, space: Space, within_seconds: float) -> None:
        self._trace, self._scenario, self._space = trace, scenario, space
        slot = float(np.clip(within_seconds, _SHORTEST_SLOT, trace.duration))
        self._needs = {
            stage: {name: self._need(stage, name, slot) for name in types}
            for stage, types in space.instance_types.items()
        }

    def starts(self) -> Iterator[dict[str, Any]]:
        """What a person would try first: the policies there are, on the types that reckoning finds cheap."""
        ranked = {stage: sorted(needs.values()) for stage, needs in self._needs.items()}
        for rank in range(_RANKS):
            for mode in self._space.modes:
                for told in _TRIES:
                    choice: dict[str, Any] = {}
                    for stage, needs in ranked.items():
                        host = Hosting(needs[min(rank, len(needs) - 1)].instance_type, mode)
                        choice |= self._start(stage, host, told)
                    yield choice

    def suggest(self, trial: Trial) -> Scenario:
        """A candidate. Every choice is made whether or not it matters: the space is the same for all."""
        policies: dict[str, dict[EndpointMode, Policy]] = {}
        hosting: dict[EndpointStage, Hosting] = {}
        for stage, types in self._space.instance_types.items():
            mode = _MODES[trial.suggest_categorical(f"{stage}.mode", list(self._space.modes))]
            host = Hosting(trial.suggest_categorical(f"{stage}.type", list(types)), mode)
            policy = self._policy(trial, stage, host)
            busy = trial.suggest_categorical(f"{stage}.scheduled_utilisation", _UTILISATIONS)
            if busy:
                actions = propose(
                    self._trace,
                    policy,
                    self._seconds(stage, host.instance_type),
                    utilisation=busy,
                    timezone=self._space.timezone,
                )
                policy = policy.model_copy(update={"schedules": actions})
            hosting[stage] = host
            policies[stage] = {**self._scenario.policies.modes(stage), mode: policy}
        return replace(self._scenario, policies=Policies.model_validate(policies), hosting=hosting)

    def _policy(self, trial: Trial, stage: EndpointStage, host: Hosting) -> Policy:
        need = self._needs[stage][host.instance_type]
        kept = trial.suggest_categorical(f"{stage}.kept", _KEPT)
        room = trial.suggest_float(f"{stage}.room", *_ROOM, log=True)
        place = trial.suggest_float(f"{stage}.target", 0, 1)
        out = trial.suggest_categorical(f"{stage}.out_cooldown", _OUT_COOLDOWNS)
        back = trial.suggest_categorical(f"{stage}.in_cooldown", _IN_COOLDOWNS)
        least = 1 if kept or host.mode == "realtime" else 0
        lowest = min(max(round(kept * need.mean), least), self._space.most_instances)
        usual = self._scenario.policies.of(stage, host.mode)
        return Policy(
            min_instances=lowest,
            max_instances=min(max(ceil(room * need.most), lowest, 1), self._space.most_instances),
            tracking=Tracking(
                metric=usual.tracking.metric if usual else METRICS[host.mode][0],
                target=_target(host.mode, place),
                scale_out_cooldown_seconds=out,
                scale_in_cooldown_seconds=back,
            ),
            # How soon an endpoint wakes costs nothing, so it is not searched for.
            wake=((usual and usual.wake) or _WAKE) if host.mode == "async" else None,
        )

    def _start(self, stage: EndpointStage, host: Hosting, told: _Try) -> dict[str, Any]:
        policy = self._scenario.policies.of(stage, host.mode) or self._scenario.policy(stage)
        tracking = policy.tracking
        low, high = _TARGETS[host.mode]
        place = np.log(tracking.target / told.early / low) / np.log(high / low)
        return {
            f"{stage}.mode": host.mode,
            f"{stage}.type": host.instance_type,
            f"{stage}.kept": told.kept,
            f"{stage}.room": told.room,
            f"{stage}.target": float(np.clip(place, 0, 1)),
            f"{stage}.out_cooldown": _nearest(tracking.scale_out_cooldown_seconds, _OUT_COOLDOWNS),
            f"{stage}.in_cooldown": _nearest(tracking.scale_in_cooldown_seconds, _IN_COOLDOWNS),
            f"{stage}.scheduled_utilisation": told.busy,
        }

    def _need(self, stage: EndpointStage, name: str, slot: float) -> _Need:
        _, pages = self._trace.per_tick(slot)
        needed = pages * self._seconds(stage, name) / (slot * _REASONABLE)
        # Work for which there are never enough instances waits: as good as out of the question.
        short = np.maximum(needed - self._space.most_instances, 0)
        paid = float((np.ceil(needed) + 10 * short).sum()) * slot
        dollars = self._space.prices.dollars(name, paid)
        return _Need(dollars, name, float(needed.max()), float(needed.mean()))

    def _seconds(self, stage: EndpointStage, name: str) -> float:
        return self._scenario.service_times.seconds_per_page(
            stage, name, self._trace.pages_per_request(self._scenario.pages_per_invocation)
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


def _target(mode: EndpointMode, place: float) -> float:
    """From [0, 1] to two digits between the bounds, evenly in logarithms."""
    low, high = _TARGETS[mode]
    return float(f"{low * (high / low) ** place:.2g}")


def _nearest(value: int, choices: Sequence[int]) -> int:
    return min(choices, key=lambda each: abs(each - value))
