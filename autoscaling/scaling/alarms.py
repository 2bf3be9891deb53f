"""CloudWatch alarms over periods, some of which may have no data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

__all__ = ["AlarmHistory", "AlarmState", "alarm_state"]

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


def alarm_state(points: Sequence[bool | None], periods: int, *, missing_is_fine: bool = False) -> AlarmState:
    """The state of an alarm that wants `periods` out of `periods` breaching data points.

    Args:
        points: the evaluation range, oldest first: breaching or not, None for a period without data.
        periods: evaluation periods, all of which have to breach.
        missing_is_fine: "notBreaching"; otherwise missing data is treated as "missing", the default.
    """
    if missing_is_fine:
        latest = points[-periods:]
        return "ALARM" if len(latest) == periods and all(latest) else "OK"
    there = [point for point in points if point is not None]
    if len(there) >= periods:
        return "ALARM" if all(there[-periods:]) else "OK"
    if not there:
        return "INSUFFICIENT_DATA"
    if not all(there):
        return "OK"
    # Too few, all breaching: it is an alarm once the oldest of them is as old as the alarm wants.
    oldest = next(age for age, point in zip(range(len(points), 0, -1), points, strict=True) if point)
    return "ALARM" if oldest >= periods else "INSUFFICIENT_DATA"


class AlarmHistory:
    """The data points an alarm looks at, kept so that a period costs the same however many it wants."""

    def __init__(self, periods: int, *, extra_points: int = 2, missing_is_fine: bool = False) -> None:
        self._periods = periods
        self._missing_is_fine = missing_is_fine
        self._points: deque[bool | None] = deque(maxlen=periods + extra_points)
        self._breaching_run = 0
        self._since_missing = 0

    def add(self, breaching: bool | None) -> bool:
        """Whether it is in ALARM after the data point of one more period."""
        self._points.append(breaching)
        self._breaching_run = self._breaching_run + 1 if breaching else 0
        self._since_missing = 0 if breaching is None else self._since_missing + 1
        if self._breaching_run >= self._periods:
            return True
        if self._missing_is_fine or breaching is False or self._since_missing >= len(self._points):
            return False
        return alarm_state(self._points_list(), self._periods) == "ALARM"

    def _points_list(self) -> list[bool | None]:
        return list(self._points)
