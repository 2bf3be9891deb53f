"""From the metrics of each period to the number of instances an endpoint should have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from autoscaling.policies import Policy, Schedule, Tracking, Wake
from autoscaling.scaling.rules import HIGH_RESOLUTION, STANDARD, Rules
from autoscaling.scaling.running import Cooldowns, RunningPolicy, RunningSteps, RunningTracking
from autoscaling.scaling.schedule import When, last_run, parse_when
from autoscaling.scaling.steps import Step, StepScaling

__all__ = ["COMING", "WAITING", "Scaler", "rules_for", "wake_policies"]

WAITING: Final = "HasBacklogWithoutCapacity"
COMING: Final = "DocumentsWithoutCapacity"
"""1 where executions of the flow started in a period and no instance was there: from metric math."""


class Scaler:
    """One endpoint under its policies: give it the metrics of each period and it tells the desired count.

    Times are seconds since `start`, never going back. The caller tells
    - `period`, once each `rules.period_seconds`: the metrics of the period that ended;
    - `in_service`, whenever it changes: how many instances work;
    - `run_schedules`, at the times `next_schedule` names.
    It asks nobody and starts nothing: whoever holds it makes the endpoint have `desired` instances.
    """

    def __init__(
        self,
        *,
        tracking: Iterable[Tracking],
        steps: Iterable[StepScaling] = (),
        wake: Wake | None = None,
        schedules: Iterable[Schedule] = (),
        min_instances: int,
        max_instances: int,
        instances: int | None = None,
        start: datetime = datetime(1970, 1, 1, tzinfo=UTC),
        schedules_in_force: bool = False,
        rules: Rules = STANDARD,
    ) -> None:
        self.rules = rules
        self._start = start.astimezone(UTC)  # arithmetic in a zone of its own would ignore its clock changes
        self._schedules = [(told, parse_when(told.when, told.timezone)) for told in schedules]
        self.min_instances, self.max_instances = min_instances, max_instances
        if schedules_in_force:
            self._take_bounds_in_force()
        self.desired = self._clamped(self.min_instances if instances is None else instances)
        self._working = self.desired
        self._tracking = [RunningTracking(told, rules) for told in tracking]
        self._policies: list[RunningPolicy] = [
            *self._tracking,
            *(RunningSteps(told, rules) for told in steps),
            *(_waking(wake, rules) if wake else ()),
        ]
        self._due = [self._next_run(when, 0.0) for _, when in self._schedules]
        self.next_schedule = min(self._due, default=math.inf)
        """When the next scheduled action runs, seconds; infinity when none does."""
        self._change_under_way = False

    @classmethod
    def of(
        cls,
        policy: Policy,
        *,
        instances: int | None = None,
        start: datetime = datetime(1970, 1, 1, tzinfo=UTC),
        schedules_in_force: bool = False,
        rules: Rules | None = None,
    ) -> Self:
        """The scaler of an endpoint's policy; it begins with `instances`, or with the minimum.

        With `schedules_in_force` the schedules have been there before the start, so the bounds are those of
        the last scheduled action; AWS takes a new schedule into account from its next run on.
        """
        return cls(
            tracking=[policy.tracking],
            wake=policy.wake,
            schedules=policy.schedules,
            min_instances=policy.min_instances,
            max_instances=policy.max_instances,
            instances=instances,
            start=start,
            schedules_in_force=schedules_in_force,
            rules=rules or rules_for(policy),
        )

    def period(self, now: float, metrics: Mapping[str, float]) -> int:
        """The desired count after a period; a metric that is not in `metrics` has no data point."""
        proposals = [policy.proposal(now, metrics, self.desired) for policy in self._policies]
        if self._change_under_way and self.rules.one_change_at_a_time:
            return self.desired
        wanted = self._largest_out(proposals)
        if wanted is None:
            wanted = self._agreed_in(proposals)
        if wanted is not None and (wanted := self._clamped(wanted)) != self.desired:
            before = self.desired
            self._change(wanted)
            for policy, proposal in zip(self._policies, proposals, strict=True):
                if proposal is not None and (proposal > before) == (wanted > before):
                    policy.cooldowns.begin(now, before, out=wanted > before)
            self._settle(now)
        return self.desired

    def in_service(self, now: float, instances: int) -> None:
        """So many instances work now: tells when the last change has succeeded."""
        self._working = instances
        self._settle(now)

    def run_schedules(self, now: float) -> int:
        """The desired count after the scheduled actions due by now; cooldowns do not hold them up.

        https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
        """
        while self.next_schedule <= now:
            index = self._due.index(self.next_schedule)
            schedule, when = self._schedules[index]
            self.min_instances, self.max_instances = schedule.min_instances, schedule.max_instances
            self._change(self._clamped(self.desired))
            self._due[index] = self._next_run(when, self._due[index])
            self.next_schedule = min(self._due)
        self._settle(now)
        return self.desired

    def _take_bounds_in_force(self) -> None:
        ran = [(last_run(when, self._start), told) for told, when in self._schedules]
        known = [(run, told) for run, told in ran if run is not None]
        if known:
            _, latest = max(known, key=lambda pair: pair[0])
            self.min_instances, self.max_instances = latest.min_instances, latest.max_instances

    def _clamped(self, instances: int) -> int:
        return max(self.min_instances, min(self.max_instances, instances))

    def _change(self, instances: int) -> None:
        if instances > self.desired:
            for policy in self._policies:
                policy.cooldowns.break_scale_in()
        self._change_under_way = self._change_under_way or instances != self.desired
        self.desired = instances

    def _settle(self, now: float) -> None:
        """A change has succeeded once as many instances work as are desired; cooldowns begin then."""
        if self._change_under_way and self._working == self.desired:
            self._change_under_way = False
            for policy in self._policies:
                policy.cooldowns.completed(now)

    def _largest_out(self, proposals: list[int | None]) -> int | None:
        """Out if any policy says so, and the largest of them wins."""
        return max((told for told in proposals if told is not None and told > self.desired), default=None)

    def _agreed_in(self, proposals: list[int | None]) -> int | None:
        """In only if every target tracking policy is ready to, and then the least."""
        if any(told is None for told in proposals[: len(self._tracking)]):
            return None
        wanted = max((told for told in proposals if told is not None), default=self.desired)
        most = self.rules.most_removed_at_once
        return wanted if most is None else max(wanted, self.desired - most)

    def _next_run(self, when: When, after: float) -> float:
        run = when.first_after(self._start + timedelta(seconds=after), self._start)
        return math.inf if run is None else (run - self._start).total_seconds()


def _waking(wake: Wake, rules: Rules) -> list[RunningSteps]:
    """One policy that two alarms may fire."""
    cooldowns = Cooldowns(wake.cooldown_seconds, wake.cooldown_seconds, rules)
    return [RunningSteps(told, rules, cooldowns) for told in wake_policies(wake)]


def rules_for(policy: Policy) -> Rules:
    """The alarms AWS makes for the policy's metric."""
    return HIGH_RESOLUTION if policy.tracking.metric == "ConcurrentRequestsPerModel" else STANDARD


def wake_policies(wake: Wake) -> tuple[StepScaling, ...]:
    """What takes an endpoint from zero: requests wait while no instance is there, or soon will.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    waiting = StepScaling(
        metric=WAITING,
        threshold=1.0,
        above=True,
        periods=wake.periods,
        steps=(Step(0.0, None, wake.add_instances),),
        cooldown_seconds=wake.cooldown_seconds,
    )
    return (waiting, replace(waiting, metric=COMING, periods=1)) if wake.on_documents else (waiting,)
