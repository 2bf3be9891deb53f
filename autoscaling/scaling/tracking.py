"""Target tracking.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import math

__all__ = ["tracked_capacity"]

_ROUNDING = 1e-9
"""3 x 0.1 / 0.1 is a little above 3 in floating point; that is no reason for a fourth instance."""


def tracked_capacity(current: int, metric: float, target: float) -> int:
    """The instances at which a metric per instance would be at its target: ceil(current x metric / target).

    Raises:
        ValueError: the target is not above 0.
    """
    if not target > 0:
        raise ValueError(f"target {target}: must be above 0")
    wanted = current * metric / target
    return math.ceil(wanted - _ROUNDING * max(wanted, 1.0))
