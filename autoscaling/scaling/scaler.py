"""From the metrics of each period to the number of instances an endpoint should have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, Self

from autoscaling.policies import Policy, Schedule, Tracking, Wake
from autoscaling.scaling.alarms import AlarmHistory
from autoscaling.scaling.rules import HIGH_RESOLUTION, STANDARD, Rules
from autoscaling.scaling.schedule import When, last_run, parse_when
from autoscaling.scaling.steps import Step, StepScaling
from autoscaling.scaling.tracking import tracked_capacity

__all__ = ["WAITING", "Scaler", "rules_for", "wake_steps"]

WAITING: Final = "HasBacklogWithoutCapacity"


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
        self._tracking = [_TargetTracking(told, rules) for told in tracking]
        self._policies: list[_Policy] = [*self._tracking, *(_Steps(told, rules) for told in steps)]
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
            steps=[wake_steps(policy.wake)] if policy.wake else [],
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
                    policy.scaled(now, before, out=wanted > before)
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

    def wake(self, now: float) -> int:
        """One instance, if there is none and may be one: somebody knows that work is coming."""
        if self.desired == 0 and self.max_instances > 0:
            self._change(1)
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
                policy.break_scale_in_cooldown()
        self._change_under_way = self._change_under_way or instances != self.desired
        self.desired = instances

    def _settle(self, now: float) -> None:
        """A change has succeeded once as many instances work as are desired; cooldowns begin then."""
        if self._change_under_way and self._working == self.desired:
            self._change_under_way = False
            for policy in self._policies:
                policy.completed(now)

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


def rules_for(policy: Policy) -> Rules:
    """The alarms AWS makes for the policy's metric."""
    return HIGH_RESOLUTION if policy.tracking.metric == "ConcurrentRequestsPerModel" else STANDARD


def wake_steps(wake: Wake) -> StepScaling:
    """The step policy that takes an endpoint from zero: requests wait while no instance is there.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    return StepScaling(
        metric=WAITING,
        threshold=1.0,
        above=True,
        periods=wake.periods,
        steps=(Step(0.0, None, wake.add_instances),),
        cooldown_seconds=wake.cooldown_seconds,
    )


class _Policy(Protocol):
    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None: ...
    def scaled(self, now: float, before: int, *, out: bool) -> None: ...
    def completed(self, now: float) -> None: ...
    def break_scale_in_cooldown(self) -> None: ...


class _Cooldowns:
    """Both cooldowns of one policy.

    While the one after a scale-out lasts, the capacity it added counts as part of the next need: needs are
    reckoned from the capacity before it, and only a larger one gets through. The one after a scale-in blocks
    scale-ins, and ends at once with any scale-out.
    https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html#step-scaling-cooldown
    """

    def __init__(self, out_seconds: float, in_seconds: float, rules: Rules) -> None:
        self._seconds = {True: out_seconds, False: in_seconds}
        self._rules = rules
        self._until = {True: -math.inf, False: -math.inf}
        self._awaited: set[bool] = set()
        self._base = 0

    def base(self, now: float, current: int) -> int:
        """The capacity that a need is reckoned from."""
        return self._base if now < self._until[True] else current

    def blocks_scale_in(self, now: float) -> bool:
        return now < self._until[False]

    def begin(self, now: float, before: int, *, out: bool) -> None:
        if out and now < self._until[True]:
            if not self._rules.larger_need_restarts_cooldown:
                return
        elif out:
            self._base = before
        if self._rules.cooldown_from_completion:
            self._awaited.add(out)
            self._until[out] = math.inf
        else:
            self._until[out] = now + self._seconds[out]

    def completed(self, now: float) -> None:
        for out in self._awaited:
            self._until[out] = now + self._seconds[out]
        self._awaited.clear()

    def break_scale_in(self) -> None:
        self._awaited.discard(False)
        self._until[False] = -math.inf


class _TargetTracking:
    """A target tracking policy with its two alarms."""

    def __init__(self, told: Tracking, rules: Rules) -> None:
        self._metric, self._target = str(told.metric), told.target
        self._low_threshold = told.target * rules.low_share
        self._high = AlarmHistory(rules.high_periods, extra_points=rules.extra_points)
        self._low = AlarmHistory(rules.low_periods, extra_points=rules.extra_points)
        self._cooldowns = _Cooldowns(told.scale_out_cooldown_seconds, told.scale_in_cooldown_seconds, rules)

    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None:
        metric = metrics.get(self._metric)
        if metric is None:
            self._high.add(None)
            self._low.add(None)
            return None
        high, low = self._high.add(metric > self._target), self._low.add(metric < self._low_threshold)
        if high:
            wanted = tracked_capacity(self._cooldowns.base(now, current), metric, self._target)
            return wanted if wanted > current else None
        if low and not self._cooldowns.blocks_scale_in(now):
            wanted = tracked_capacity(current, metric, self._target)
            return wanted if wanted < current else None
        return None

    def scaled(self, now: float, before: int, *, out: bool) -> None:
        self._cooldowns.begin(now, before, out=out)

    def completed(self, now: float) -> None:
        self._cooldowns.completed(now)

    def break_scale_in_cooldown(self) -> None:
        self._cooldowns.break_scale_in()


class _Steps:
    """A step policy with its alarm."""

    def __init__(self, told: StepScaling, rules: Rules) -> None:
        self._told = told
        self._alarm = AlarmHistory(
            told.periods, extra_points=rules.extra_points, missing_is_fine=told.missing_is_fine
        )
        self._cooldowns = _Cooldowns(told.cooldown_seconds, told.cooldown_seconds, rules)

    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None:
        metric = metrics.get(self._told.metric)
        fires = self._alarm.add(None if metric is None else self._told.breaches(metric))
        if not fires or metric is None:
            return None
        wanted = self._told.capacity(self._cooldowns.base(now, current), metric)
        if wanted > current:
            return wanted
        wanted = self._told.capacity(current, metric)
        return wanted if wanted < current and not self._cooldowns.blocks_scale_in(now) else None

    def scaled(self, now: float, before: int, *, out: bool) -> None:
        self._cooldowns.begin(now, before, out=out)

    def completed(self, now: float) -> None:
        self._cooldowns.completed(now)

    def break_scale_in_cooldown(self) -> None:
        self._cooldowns.break_scale_in()
