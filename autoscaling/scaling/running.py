"""Policies at work: their alarms, their cooldowns, and what they ask for after each period."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

from autoscaling.policies import Tracking
from autoscaling.scaling.alarms import AlarmHistory
from autoscaling.scaling.rules import Rules
from autoscaling.scaling.steps import StepScaling
from autoscaling.scaling.tracking import tracked_capacity

__all__ = ["Cooldowns", "RunningPolicy", "RunningSteps", "RunningTracking"]


class Cooldowns:
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
        """Whether it is too early to scale in."""
        return now < self._until[False]

    def begin(self, now: float, before: int, *, out: bool) -> None:
        """The policy's proposal was followed, out or in, from the capacity `before`."""
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
        """The change has succeeded."""
        for out in self._awaited:
            self._until[out] = now + self._seconds[out]
        self._awaited.clear()

    def break_scale_in(self) -> None:
        """Somebody scales out."""
        self._awaited.discard(False)
        self._until[False] = -math.inf


class RunningPolicy(ABC):
    """A policy at work; times are seconds."""

    def __init__(self, cooldowns: Cooldowns) -> None:
        self.cooldowns = cooldowns

    @abstractmethod
    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None:
        """The capacity it asks for after a period; None where it has no wish or may not have one."""


class RunningTracking(RunningPolicy):
    """A target tracking policy with its two alarms."""

    def __init__(self, told: Tracking, rules: Rules) -> None:
        self._metric, self._target = str(told.metric), told.target
        self._low_threshold = told.target * rules.low_share
        self._high = AlarmHistory(rules.high_periods, extra_points=rules.extra_points)
        self._low = AlarmHistory(rules.low_periods, extra_points=rules.extra_points)
        super().__init__(Cooldowns(told.scale_out_cooldown_seconds, told.scale_in_cooldown_seconds, rules))

    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None:
        """Proportional to the metric while one of its alarms is on."""
        metric = metrics.get(self._metric)
        if metric is None:
            self._high.add(None)
            self._low.add(None)
            return None
        high, low = self._high.add(metric > self._target), self._low.add(metric < self._low_threshold)
        if high:
            wanted = tracked_capacity(self.cooldowns.base(now, current), metric, self._target)
            return wanted if wanted > current else None
        if low and not self.cooldowns.blocks_scale_in(now):
            wanted = tracked_capacity(current, metric, self._target)
            return wanted if wanted < current else None
        return None


class RunningSteps(RunningPolicy):
    """A step policy with an alarm; what several alarms fire is several of these with the same cooldowns."""

    def __init__(self, told: StepScaling, rules: Rules, cooldowns: Cooldowns | None = None) -> None:
        self._told = told
        self._alarm = AlarmHistory(
            told.periods, extra_points=rules.extra_points, missing_is_fine=told.missing_is_fine
        )
        super().__init__(cooldowns or Cooldowns(told.cooldown_seconds, told.cooldown_seconds, rules))

    def proposal(self, now: float, metrics: Mapping[str, float], current: int) -> int | None:
        """What its step says while its alarm is on."""
        metric = metrics.get(self._told.metric)
        fires = self._alarm.add(None if metric is None else self._told.breaches(metric))
        if not fires or metric is None:
            return None
        wanted = self._told.capacity(self.cooldowns.base(now, current), metric)
        if wanted > current:
            return wanted
        wanted = self._told.capacity(current, metric)
        return wanted if wanted < current and not self.cooldowns.blocks_scale_in(now) else None
