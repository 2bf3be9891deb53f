"""Each rule of Application Auto Scaling and CloudWatch by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.scaling.alarms import AlarmHistory, alarm_state
from autoscaling.scaling.schedule import parse_when
from autoscaling.scaling.steps import Step, StepScaling
from autoscaling.scaling.tracking import tracked_capacity

POINTS = {"0": False, "X": True, "-": None}


@pytest.mark.parametrize(
    ("points", "as_missing", "as_fine"),
    [
        # The table for three out of three of
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        ("0-X-X", "OK", "OK"),
        ("0----", "OK", "OK"),
        ("-----", "INSUFFICIENT_DATA", "OK"),
        ("0XX-X", "ALARM", "OK"),
        ("--X--", "ALARM", "OK"),
        # One data point after a night at zero instances is no alarm yet.
        ("----X", "INSUFFICIENT_DATA", "OK"),
        ("--XXX", "ALARM", "ALARM"),
        ("XXXX0", "OK", "OK"),
    ],
)
def test_an_alarm_with_missing_data(points, as_missing, as_fine):
    seen = [POINTS[point] for point in points]
    assert alarm_state(seen, 3) == as_missing
    assert alarm_state(seen, 3, missing_is_fine=True) == as_fine


@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 15), st.booleans())
def test_an_alarm_fed_point_by_point_is_the_alarm_over_its_range(points, periods, fine):
    history = AlarmHistory(periods, extra_points=2, missing_is_fine=fine)
    for end, point in enumerate(points, start=1):
        told = history.add(point)
        state = alarm_state(points[max(0, end - periods - 2) : end], periods, missing_is_fine=fine)
        assert told == (state == "ALARM")


@pytest.mark.parametrize(
    ("current", "metric", "target", "wanted"),
    [
        (1, 20, 8, 3),
        (4, 8, 8, 4),
        (3, 0.1, 0.1, 3),
        (3, 0, 8, 0),
        (3, 2, 8, 1),
        (7, 8.0001, 8, 8),
        (0, 5, 8, 0),
    ],
)
def test_target_tracking_is_proportional_and_rounds_up(current, metric, target, wanted):
    assert tracked_capacity(current, metric, target) == wanted


@pytest.mark.parametrize("target", [0, -1, float("nan")])
def test_a_target_that_is_not_above_zero_is_named(target):
    with pytest.raises(ValueError, match="target"):
        tracked_capacity(1, 1.0, target)


def steps(*bounds, above=True, **settings):
    return StepScaling(
        metric="m",
        threshold=50,
        above=above,
        periods=1,
        steps=tuple(Step(*bound) for bound in bounds),
        cooldown_seconds=0,
        **settings,
    )


@pytest.mark.parametrize(
    ("metric", "wanted"), [(49.9, 10), (50, 10), (59.9, 10), (60, 11), (69.9, 11), (70, 13), (1e9, 13)]
)
def test_above_the_threshold_the_lower_bound_of_a_step_belongs_to_it(metric, wanted):
    policy = steps((0, 10, 0), (10, 20, 10), (20, None, 30), adjustment="PercentChangeInCapacity")
    assert policy.capacity(10, metric) == wanted


@pytest.mark.parametrize(("metric", "wanted"), [(50, 10), (40.1, 10), (40, 9), (30.1, 9), (30, 7), (-9, 7)])
def test_below_the_threshold_the_upper_bound_of_a_step_belongs_to_it(metric, wanted):
    bounds = ((None, -20, -30), (-20, -10, -10), (-10, 0, 0))
    policy = steps(*bounds, above=False, adjustment="PercentChangeInCapacity")
    assert policy.capacity(10, metric) == wanted


@pytest.mark.parametrize(
    ("current", "percent", "least", "wanted"),
    [(10, 127, 1, 22), (10, 5, 1, 11), (10, -5, 1, 9), (10, -66.7, 1, 4), (4, 25, 2, 6), (1, -100, 1, 0)],
)
def test_percentages_are_cut_off_and_never_nothing(current, percent, least, wanted):
    policy = steps((0, None, percent), adjustment="PercentChangeInCapacity", minimum_magnitude=least)
    assert policy.capacity(current, 60) == wanted


def test_an_exact_capacity_is_that_capacity():
    assert steps((0, None, 3), adjustment="ExactCapacity").capacity(9, 50) == 3


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ((), "there is none"),
        (((0, 10, 1), (20, None, 2)), "begins where"),
        (((5, 5, 1),), "upper bound"),
        (((0, 9, 1),), "outermost"),
    ],
)
def test_steps_that_overlap_or_leave_gaps_are_named(bounds, told):
    with pytest.raises(ValueError, match=told):
        steps(*bounds)


def runs(told, timezone, after, count=3):
    when = parse_when(told, timezone)
    found, time = [], datetime.fromisoformat(after).replace(tzinfo=UTC)
    start = time
    for _ in range(count):
        time = when.first_after(time, start)
        if time is None:
            break
        found.append(time.astimezone(UTC).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("told", "timezone", "after", "expected"),
    [
        ("at(2026-03-01T08:00:00)", "Europe/Berlin", "2026-01-01", ["2026-03-01 07:00"]),
        ("at(2026-03-01T08:00:00)", "Etc/UTC", "2026-03-01T08:00", []),
        (
            "rate(90 minutes)",
            "Etc/UTC",
            "2026-01-01",
            ["2026-01-01 01:30", "2026-01-01 03:00", "2026-01-01 04:30"],
        ),
        # Clocks go forward on 29 March 2026: 8 o'clock is an hour earlier from then on.
        (
            "cron(0 8 ? * MON-FRI *)",
            "Europe/Berlin",
            "2026-03-26T12:00",
            ["2026-03-27 07:00", "2026-03-30 06:00", "2026-03-31 06:00"],
        ),
        # 2:30 does not exist on that night, and comes twice on the last Sunday of October.
        ("cron(30 2 29 3 ? 2026)", "Europe/Berlin", "2026-01-01", ["2026-03-29 01:30"]),
        ("cron(30 2 25 10 ? 2026)", "Europe/Berlin", "2026-01-01", ["2026-10-25 00:30"]),
        (
            "cron(0/20 9 1 * ? *)",
            "Etc/UTC",
            "2026-01-01T09:10",
            ["2026-01-01 09:20", "2026-01-01 09:40", "2026-02-01 09:00"],
        ),
        (
            "cron(0 0 L * ? *)",
            "Etc/UTC",
            "2028-02-01",
            ["2028-02-29 00:00", "2028-03-31 00:00", "2028-04-30 00:00"],
        ),
        (
            "cron(0 0 15W 8 ? *)",
            "Etc/UTC",
            "2026-01-01",
            ["2026-08-14 00:00", "2027-08-16 00:00", "2028-08-15 00:00"],
        ),
        (
            "cron(0 0 ? * 6#3 *)",
            "Etc/UTC",
            "2026-01-01",
            ["2026-01-16 00:00", "2026-02-20 00:00", "2026-03-20 00:00"],
        ),
        ("cron(0 0 ? * 6L 2026)", "Etc/UTC", "2026-11-01", ["2026-11-27 00:00", "2026-12-25 00:00"]),
        (
            "cron(0 12 ? JAN,dec 1 *)",
            "Etc/UTC",
            "2026-01-20",
            ["2026-01-25 12:00", "2026-12-06 12:00", "2026-12-13 12:00"],
        ),
    ],
)
def test_when_scheduled_actions_run(told, timezone, after, expected):
    assert runs(told, timezone, after, max(len(expected), 1)) == expected


@pytest.mark.parametrize(
    ("told", "timezone", "reason"),
    [
        ("every(5 minutes)", "Etc/UTC", "must be at"),
        ("at(2026-13-01T08:00:00)", "Etc/UTC", "month"),
        ("at(tomorrow)", "Etc/UTC", "yyyy-mm-dd"),
        ("rate(0 minutes)", "Etc/UTC", "above 0"),
        ("rate(5 fortnights)", "Etc/UTC", "minutes, hours or days"),
        ("cron(0 8 * * *)", "Etc/UTC", "has 5 fields"),
        ("cron(0 8 * * * *)", "Etc/UTC", "must be \\?"),
        ("cron(60 8 ? * MON *)", "Etc/UTC", "minutes '60': must be 0 to 59"),
        ("cron(0 8 ? * MOON *)", "Etc/UTC", "weekday 'MOON'"),
        ("cron(0 8-6 ? * MON *)", "Etc/UTC", "ends before it begins"),
        ("cron(0/0 8 ? * MON *)", "Etc/UTC", "step"),
        ("cron(0 8 31 2 ? *)", "Etc/UTC", "no month has such a day"),
        ("cron(0 8 0W * ? *)", "Etc/UTC", "1W"),
        ("rate(1 day)", "Europe/Berline", "timezone Europe/Berline"),
    ],
)
def test_a_schedule_that_cannot_run_is_named(told, timezone, reason):
    with pytest.raises(ValueError, match=reason):
        parse_when(told, timezone)
