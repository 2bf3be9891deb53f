"""Step scaling.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

__all__ = ["Adjustment", "Step", "StepScaling"]

Adjustment = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]


@dataclass(frozen=True)
class Step:
    """What to do where metric - threshold lies between two bounds; None is no bound on that side."""

    lower: float | None
    upper: float | None
    adjustment: int


@dataclass(frozen=True)
class StepScaling:
    """A step policy with the alarm that fires it: `metric` beyond `threshold` for `periods` in a row.

    Raises:
        ValueError: the steps overlap, leave a gap or end where a breach goes on, or one is empty.
    """

    metric: str
    threshold: float
    above: bool
    periods: int
    steps: tuple[Step, ...]
    cooldown_seconds: float
    adjustment: Adjustment = "ChangeInCapacity"
    minimum_magnitude: int = 1
    missing_is_fine: bool = True

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("steps: there is none")
        edges = [
            (-math.inf if step.lower is None else step.lower, math.inf if step.upper is None else step.upper)
            for step in self.steps
        ]
        if any(lower >= upper for lower, upper in edges):
            raise ValueError("steps: the upper bound of each is above its lower one")
        if any(before[1] != after[0] for before, after in pairwise(edges)):
            raise ValueError("steps: each begins where the one before ends")
        if -math.inf < edges[0][0] < 0 or 0 < edges[-1][1] < math.inf:
            raise ValueError("steps: the outermost has no bound on its outer side")

    def breaches(self, metric: float) -> bool:
        """Whether a data point is one the alarm wants: the threshold itself is."""
        return metric >= self.threshold if self.above else metric <= self.threshold

    def capacity(self, current: int, metric: float) -> int:
        """The capacity this policy asks for, before min and max; `current` where no step applies."""
        beyond = metric - self.threshold
        for step in self.steps:
            if self._applies(step, beyond):
                return self._adjusted(current, step.adjustment)
        return current

    def _applies(self, step: Step, beyond: float) -> bool:
        lower = -math.inf if step.lower is None else step.lower
        upper = math.inf if step.upper is None else step.upper
        # Above the threshold the lower bound belongs to the step and the upper does not; below, the reverse.
        return lower <= beyond < upper if self.above else lower < beyond <= upper

    def _adjusted(self, current: int, adjustment: int) -> int:
        if self.adjustment == "ExactCapacity":
            return adjustment
        if self.adjustment == "ChangeInCapacity":
            return max(current + adjustment, 0)
        change = current * adjustment / 100
        # Between -1 and 1 a change counts as one instance, beyond that its fraction is cut off.
        whole = math.copysign(1, change) if 0 < abs(change) < 1 else math.trunc(change)
        if whole:
            whole = math.copysign(max(abs(whole), self.minimum_magnitude), whole)
        return max(current + int(whole), 0)
