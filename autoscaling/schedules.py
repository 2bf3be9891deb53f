"""Scheduled actions in place of prediction: what repeats in a trace, as bounds that change before it comes.

Predictive scaling is not offered for SageMaker
(https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html),
scheduled actions are. A load that comes every working day needs no alarm: instances can be there before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from autoscaling.arrivals import Trace
from autoscaling.policies import Policy, Schedule
from autoscaling.scenario import Scenario
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage

__all__ = ["propose", "repeating_need", "scheduled", "time_zone"]

SLOT_MINUTES: Final = 30
_SLOTS: Final = 24 * 60 // SLOT_MINUTES
_SHORTEST_DIP: Final = 4
"""Slots. A dip of less than two hours is bridged: scale-in takes a quarter of an hour, starts cost too."""


@dataclass(frozen=True)
class _Days:
    """Days that are alike: ISO weekdays, and as cron has them - the days themselves and the days before."""

    weekdays: tuple[int, ...]
    cron: str
    eves: str


_DAYS: Final = {
    "weekdays": _Days((1, 2, 3, 4, 5), "MON-FRI", "SUN-THU"),
    "weekends": _Days((6, 7), "SAT,SUN", "FRI,SAT"),
}

Slots = npt.NDArray[np.int64]
"""(48,) instances for each half hour of a day."""


def time_zone(name: str) -> ZoneInfo:
    """A time zone by its name.

    Raises:
        RequestError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(f"no time zone {name[:60]!r}: give one such as Europe/Berlin or Etc/UTC") from None


def propose(
    trace: Trace,
    policy: Policy,
    seconds_per_page: float,
    *,
    utilisation: float = 0.7,
    lead_minutes: int = 15,
    timezone: str = "Etc/UTC",
) -> tuple[Schedule, ...]:
    """Scheduled actions for one endpoint.

    Args:
        trace: what arrived, the longer the better; days that it has only in part do not count.
        policy: of the endpoint; its bounds hold where nothing repeats, its maximum is never passed.
        seconds_per_page: that the endpoint takes.
        utilisation: how busy the scheduled instances shall be; the rest is room for the unforeseen.
        lead_minutes: how long before the load they are asked for: what a start takes, at least.
        timezone: in which the days repeat; clocks that change take the schedule with them.

    Returns:
        the actions of working days and weekends; none where the minimum of the policy suffices all the time.

    Raises:
        RequestError: there is no such time zone.
    """
    zone = time_zone(timezone)
    each_page = seconds_per_page / utilisation
    bounds = policy.min_instances, policy.max_instances
    lowest = {
        name: np.clip(_bridged(repeating_need(trace, each_page, days.weekdays, zone)), *bounds)
        for name, days in _DAYS.items()
    }
    midnight = {int(levels[-1]) for levels in lowest.values()}
    schedules: list[Schedule] = []
    for name, levels in lowest.items():
        for slot, level in enumerate(levels.tolist()):
            before = {int(levels[slot - 1])} if slot else midnight
            if before != {level}:
                lead = lead_minutes if level > min(before) else 0
                schedules.append(_action(name, slot * SLOT_MINUTES - lead, level, policy, timezone))
    return tuple(schedules)


def scheduled(
    trace: Trace, scenario: Scenario, *, utilisation: float, lead_minutes: int, timezone: str
) -> dict[tuple[EndpointStage, EndpointMode], Policy]:
    """The policies of a scenario's endpoints with what `propose` says in place of their schedules."""
    found: dict[tuple[EndpointStage, EndpointMode], Policy] = {}
    for stage, host in scenario.hosting.items():
        policy = scenario.policy(stage)
        actions = propose(
            trace,
            policy,
            scenario.service_times.seconds_per_page(
                stage, host.instance_type, trace.pages_per_request(scenario.pages_per_invocation)
            ),
            utilisation=utilisation,
            lead_minutes=lead_minutes,
            timezone=timezone,
        )
        found[stage, host.mode] = policy.model_copy(update={"schedules": actions})
    return found


def repeating_need(
    trace: Trace, instance_seconds_per_page: float, weekdays: tuple[int, ...], zone: ZoneInfo
) -> Slots:
    """Instances that the middle one of these weekdays needs in each half hour.

    The median over days takes what repeats and leaves out what happened once; days that are in the trace
    only in part do not count, and without a day nothing repeats.
    """
    _, pages = trace.per_tick(SLOT_MINUTES * 60)
    by_day: dict[int, dict[int, float]] = {}
    for tick, count in enumerate(pages.tolist()):
        local = (trace.start + timedelta(minutes=tick * SLOT_MINUTES)).astimezone(zone)
        if local.isoweekday() in weekdays:
            day = by_day.setdefault(local.date().toordinal(), {})
            slot = (local.hour * 60 + local.minute) // SLOT_MINUTES
            day[slot] = day.get(slot, 0.0) + count
    days = [day for day in by_day.values() if len(day) >= _SLOTS - 2]  # clocks that change take an hour
    if not days:
        return np.zeros(_SLOTS, np.int64)
    usual = np.median([[day.get(slot, 0.0) for slot in range(_SLOTS)] for day in days], axis=0)
    # Half an instance or less is no reason to keep one: target tracking and the wake do that.
    need: Slots = np.ceil(usual * instance_seconds_per_page / (SLOT_MINUTES * 60) - 0.5).astype(np.int64)
    return need


def _bridged(need: Slots) -> Slots:
    """Short dips filled up to the lower of their two sides, around midnight too."""
    filled = need
    for width in range(1, _SHORTEST_DIP):
        # Highest of the slots before and after, within what a dip of this width can span.
        before = np.max([np.roll(filled, shift) for shift in range(1, width + 1)], axis=0)
        after = np.max([np.roll(filled, -shift) for shift in range(1, _SHORTEST_DIP - width + 1)], axis=0)
        filled = np.maximum(filled, np.minimum(before, after))
    return filled


def _action(name: str, minute: int, lowest: int, policy: Policy, timezone: str) -> Schedule:
    days = _DAYS[name].cron if minute >= 0 else _DAYS[name].eves
    hour, minute = divmod(minute % (24 * 60), 60)
    return Schedule(
        name=f"{name}-{hour:02}{minute:02}",
        when=f"cron({minute} {hour} ? * {days} *)",
        timezone=timezone,
        min_instances=lowest,
        max_instances=policy.max_instances,
    )
