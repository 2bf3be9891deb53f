"""When scheduled actions run: at(...), rate(...) and cron(...) of Application Auto Scaling.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html;
the fields of cron as in https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["At", "Cron", "Rate", "When", "last_run", "parse_when"]

_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS: Final = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)
}
_UNITS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
_LAST_YEAR: Final = 2199


@dataclass(frozen=True)
class At:
    """Once."""

    time: datetime

    def first_after(self, time: datetime, start: datetime) -> datetime | None:
        """The first run after a time, if there is one."""
        return self.time if self.time > time else None


@dataclass(frozen=True)
class Rate:
    """Every so often, first one interval after the start."""

    interval: timedelta

    def first_after(self, time: datetime, start: datetime) -> datetime | None:
        """The first run after a time."""
        return start + self.interval * max(1, (time - start) // self.interval + 1)


@dataclass(frozen=True)
class Cron:
    """On the wall clock of a time zone. Days are named by date (`days`) or by weekday, the other is "?".

    Where clocks go forward, a time that is left out runs an hour later; where they go back, one that comes
    twice runs the first time.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: frozenset[int]
    weekdays: str
    years: frozenset[int]
    zone: ZoneInfo

    def first_after(self, time: datetime, start: datetime) -> datetime | None:
        """The first run after a time, if there is one."""
        for day in self._days_from(time.astimezone(self.zone).date()):
            for hour in self.hours:
                for minute in self.minutes:
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                    run = local.astimezone(time.tzinfo)
                    if run > time:
                        return run
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= first.year):
            for month in sorted(self.months):
                if (year, month) < (first.year, first.month):
                    continue
                for day in self._days_of(year, month):
                    if date(year, month, day) >= first:
                        yield date(year, month, day)

    def _days_of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.days != "?":
            found = {day for part in self.days.split(",") for day in _month_days(part, year, month)}
        else:
            found = {day for part in self.weekdays.split(",") for day in _weekday_days(part, year, month)}
        return sorted(day for day in found if 1 <= day <= last)


When = At | Rate | Cron


def last_run(when: When, until: datetime) -> datetime | None:
    """The last run at or before a time, if there was one within a year; a rate has none before its start."""
    for days in (1, 8, 32, 370):
        last, time = None, until - timedelta(days=days)
        while (run := when.first_after(time, until)) is not None and run <= until:
            last = time = run
        if last is not None:
            return last
    return None


def parse_when(told: str, timezone: str = "Etc/UTC") -> When:
    """The times that a schedule expression names.

    Raises:
        ValueError: not such an expression, or one that never runs; the message says which part and why.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"timezone {timezone}: there is none of this name: use one of IANA") from None
    kind, _, inner = told.strip().removesuffix(")").partition("(")
    if kind == "at":
        return _at(inner, zone)
    if kind == "rate":
        return _rate(inner)
    if kind == "cron":
        return _cron(inner, zone)
    raise ValueError(f"{told}: must be at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(six fields)")


def _at(inner: str, zone: ZoneInfo) -> At:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner):
        raise ValueError(f"at({inner}): must be at(yyyy-mm-ddThh:mm:ss)")
    try:
        return At(datetime.fromisoformat(inner).replace(tzinfo=zone))
    except ValueError as error:
        raise ValueError(f"at({inner}): {error}") from None


def _rate(inner: str) -> Rate:
    match = re.fullmatch(r"(\d{1,6}) (minute|hour|day)s?", inner)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"rate({inner}): must be a number above 0 and minutes, hours or days")
    return Rate(timedelta(seconds=int(match[1]) * _UNITS[match[2]]))


def _cron(inner: str, zone: ZoneInfo) -> Cron:
    fields = inner.upper().split()
    if len(fields) != 6:
        raise ValueError(f"cron({inner}): has {len(fields)} fields: minutes hours day month weekday year")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ValueError(f"cron({inner}): one of day and weekday must be ?, and the other not")
    _check_days(days, weekdays)
    cron = Cron(
        minutes=tuple(sorted(_numbers(minutes, "minutes", 0, 59))),
        hours=tuple(sorted(_numbers(hours, "hours", 0, 23))),
        days=days,
        months=frozenset(_numbers(months, "month", 1, 12, _MONTHS)),
        weekdays=weekdays,
        years=frozenset(_numbers(years, "year", 1970, _LAST_YEAR)),
        zone=zone,
    )
    if not any(cron._days_of(year, month) for year in range(2000, 2028) for month in cron.months):
        raise ValueError(f"cron({inner}): no month has such a day")
    return cron


def _check_days(days: str, weekdays: str) -> None:
    """Read each part once, so that a mistake shows now and not in the month it matters."""
    for part in days.split(",") if days != "?" else []:
        _month_days(part, 2024, 1)
    for part in weekdays.split(",") if weekdays != "?" else []:
        _weekday_days(part, 2024, 1)


def _numbers(field: str, name: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """The values of a field: lists, ranges, steps and *."""

    def value(text: str) -> int:
        number = (names or {}).get(text, int(text) if text.isdecimal() else None)
        if number is None or not low <= number <= high:
            raise ValueError(f"cron: {name} {text!r}: must be {low} to {high}")
        return number

    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if step and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"cron: {name} {part!r}: the step must be a number above 0")
        if span == "*":
            first, last = low, high
        else:
            begin, _, end = span.partition("-")
            first = value(begin)
            last = value(end) if end else (high if step else first)
        if last < first:
            raise ValueError(f"cron: {name} {part!r}: ends before it begins")
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _month_days(part: str, year: int, month: int) -> set[int]:
    """Days of a month by date: numbers, L (the last), LW, and nW (the weekday nearest to the n-th)."""
    last = calendar.monthrange(year, month)[1]
    if part == "L":
        return {last}
    if part == "LW" or re.fullmatch(r"\d{1,2}W", part):
        wanted = last if part == "LW" else min(int(part[:-1]), last)
        if wanted < 1:
            raise ValueError(f"cron: day {part!r}: must be 1W to 31W")
        return {_nearest_weekday(year, month, wanted, last)}
    return _numbers(part, "day", 1, 31)


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    weekday = date(year, month, day).weekday()
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < last else day - 2
    return day


def _weekday_days(part: str, year: int, month: int) -> set[int]:
    """Days of a month by weekday: 1 or SUN to 7 or SAT, xL (the last such), x#n (the n-th such)."""
    last = calendar.monthrange(year, month)[1]

    def days_of(weekday: int) -> list[int]:
        return [day for day in range(1, last + 1) if date(year, month, day).isoweekday() % 7 + 1 == weekday]

    if part == "L":
        return set(days_of(7))
    if match := re.fullmatch(r"(\w{1,3})#([1-5])", part):
        (weekday,) = _numbers(match[1], "weekday", 1, 7, _WEEKDAYS)
        return set(days_of(weekday)[int(match[2]) - 1 : int(match[2])])
    if part.endswith("L"):
        (weekday,) = _numbers(part[:-1], "weekday", 1, 7, _WEEKDAYS)
        return {days_of(weekday)[-1]}
    return {day for weekday in _numbers(part, "weekday", 1, 7, _WEEKDAYS) for day in days_of(weekday)}
