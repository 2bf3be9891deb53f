"""What Application Auto Scaling and CloudWatch do that no policy can set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["HIGH_RESOLUTION", "STANDARD", "Rules"]


@dataclass(frozen=True)
class Rules:
    """The alarms that target tracking makes, and what the documentation leaves open.

    Documented (the alarms that `put-scaling-policy` answers with, and
    https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html):
    the high alarm fires after 3 periods above the target, the low one after 15 under 0.9 of it; cooldowns
    start when a scaling activity has succeeded.

    Not documented, therefore named here:
        extra_points: data points that CloudWatch looks back beyond the periods of an alarm when some are
            missing ("more than the evaluation periods; the number varies",
            https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html).
        one_change_at_a_time: no scaling while the last change is under way. An endpoint is `Updating` then,
            and UpdateEndpointWeightsAndCapacities refuses it.
        cooldown_from_completion: False starts cooldowns at the decision.
        larger_need_restarts_cooldown: a larger scale-out let through in a scale-out cooldown starts it anew.
        most_removed_at_once: a limit to what one scale-in takes; the documentation says that target tracking
            scales in "gradually" without a number. None follows the formula.
    """

    period_seconds: int = 60
    high_periods: int = 3
    low_periods: int = 15
    low_share: float = 0.9
    extra_points: int = 2
    one_change_at_a_time: bool = True
    cooldown_from_completion: bool = True
    larger_need_restarts_cooldown: bool = False
    most_removed_at_once: int | None = None


STANDARD: Final = Rules()
"""Metrics of one minute: all but one."""

HIGH_RESOLUTION: Final = Rules(period_seconds=10, high_periods=3, low_periods=90)
"""ConcurrentRequestsPerModel, every 10 s; three high points are unsure, ninety low ones were seen."""
