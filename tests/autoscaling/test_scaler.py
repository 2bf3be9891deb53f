"""The documented timelines, to the second."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from autoscaling.policies import Policy, Schedule, Tracking, Wake, load_policies
from autoscaling.scaling.rules import Rules
from autoscaling.scaling.scaler import COMING, WAITING, Scaler
from autoscaling.scaling.steps import Step, StepScaling
from hybrid_ocr.contracts.errors import ConfigurationError

BACKLOG = "ApproximateBacklogSizePerInstance"


def tracking(metric=BACKLOG, target=8, out=120, into=600):
    return Tracking(
        metric=metric, target=target, scale_out_cooldown_seconds=out, scale_in_cooldown_seconds=into
    )


def scaler(instances=1, *, least=0, most=20, policies=None, rules=None, **more):
    return Scaler(
        tracking=[tracking()] if policies is None else policies,
        min_instances=least,
        max_instances=most,
        instances=instances,
        rules=rules or Rules(),
        **more,
    )


def play(machine, metrics, *, first=60, ready=True):
    """Feed one period after another; the instances follow at once unless told otherwise.

    Returns the times at which the desired count changed, and to what.
    """
    changes = []
    for index, told in enumerate(metrics):
        now = first + index * machine.rules.period_seconds
        before = machine.desired
        data = told if isinstance(told, dict) else {} if told is None else {BACKLOG: told}
        if machine.period(now, data) != before:
            changes.append((now, machine.desired))
            if ready:
                machine.in_service(now, machine.desired)
    return changes


def test_out_after_three_minutes_above_the_target():
    assert play(scaler(), [20, 20, 20]) == [(180, 3)]


def test_the_target_itself_is_not_above_it():
    assert play(scaler(), [8] * 30) == []


def test_two_minutes_above_the_target_are_forgotten():
    assert play(scaler(), [20, 20, 8, 20, 20, 8]) == []


def test_in_after_fifteen_minutes_below_nine_tenths():
    assert play(scaler(3), [2] * 15) == [(900, 1)]
    assert play(scaler(3), [7.2] * 40) == []
    assert play(scaler(3), [*[2] * 14, 7.2, *[2] * 14]) == []


def test_no_work_for_fifteen_minutes_is_zero_instances():
    assert play(scaler(3), [0] * 15) == [(900, 0)]


def test_in_a_scale_out_cooldown_what_was_added_counts():
    # 1 -> 3 at 180. Until 300 needs are reckoned from 1: 20 / 8 is 3 and no more. Then from 3.
    assert play(scaler(), [20] * 5) == [(180, 3), (300, 8)]


def test_in_a_scale_out_cooldown_a_larger_need_gets_through():
    assert play(scaler(), [20, 20, 20, 40]) == [(180, 3), (240, 5)]


def test_a_scale_in_cooldown_blocks_the_next_scale_in():
    metrics = [*[6] * 15, *[4] * 11]
    assert play(scaler(8, policies=[tracking(into=600)]), metrics) == [(900, 6), (1500, 3)]


def test_a_scale_out_breaks_the_scale_in_cooldown():
    # In at 900, out at 1080, in again 15 minutes after the last high minute although the cooldown is a day.
    metrics = [*[6] * 15, *[20] * 3, *[2] * 15]
    machine = scaler(8, policies=[tracking(out=0, into=86_400)])
    assert play(machine, metrics) == [(900, 6), (1080, 15), (1980, 4)]


def test_cooldowns_begin_when_the_instances_are_there():
    machine = scaler()
    assert play(machine, [20] * 3, ready=False) == [(180, 3)]
    machine.in_service(400, 3)
    assert play(machine, [20] * 4, first=420) == [(540, 8)]


def test_one_change_is_under_way_at_a_time_unless_told_otherwise():
    assert play(scaler(policies=[tracking(out=0)]), [20] * 6, ready=False) == [(180, 3)]
    eager = Rules(one_change_at_a_time=False, cooldown_from_completion=False)
    changes = play(scaler(policies=[tracking(out=0)], rules=eager), [20] * 4, ready=False)
    assert changes == [(180, 3), (240, 8)]


def test_missing_data_scales_nothing():
    assert play(scaler(5), [None] * 60) == []
    assert play(scaler(5), [*[20] * 2, *[None] * 60]) == []


def test_never_above_the_maximum_nor_below_the_minimum():
    assert play(scaler(most=4), [1e9] * 3) == [(180, 4)]
    assert play(scaler(5, least=2), [0] * 15) == [(900, 2)]


def test_a_limit_to_what_one_scale_in_takes():
    assert play(scaler(9, rules=Rules(most_removed_at_once=2)), [0] * 15) == [(900, 7)]


def test_high_resolution_metrics_are_faster():
    policy = Policy(min_instances=1, max_instances=9, tracking=tracking("ConcurrentRequestsPerModel", 3))
    machine = Scaler.of(policy)
    assert play(machine, [{"ConcurrentRequestsPerModel": 6}] * 3, first=10) == [(30, 2)]
    low = [{"ConcurrentRequestsPerModel": 1}] * 90
    assert play(machine, low, first=40) == [(930, 1)]


class TestSeveralPolicies:
    """Out if any says so, in only if all do; the largest wins."""

    POLICIES = (tracking(BACKLOG, 8), tracking("InvocationsPerInstance", 60))

    def both(self, backlog, invocations):
        return {BACKLOG: backlog, "InvocationsPerInstance": invocations}

    def test_one_wants_out(self):
        machine = scaler(2, policies=self.POLICIES)
        assert play(machine, [self.both(1, 90)] * 3) == [(180, 3)]

    def test_the_larger_of_two_that_want_out(self):
        machine = scaler(2, policies=self.POLICIES)
        assert play(machine, [self.both(24, 90)] * 3) == [(180, 6)]

    def test_one_wants_in_and_the_other_does_not(self):
        assert play(scaler(4, policies=self.POLICIES), [self.both(1, 60)] * 40) == []

    def test_one_has_no_data(self):
        assert play(scaler(4, policies=self.POLICIES), [{BACKLOG: 1.0}] * 40) == []

    def test_both_want_in_and_the_larger_wins(self):
        assert play(scaler(4, policies=self.POLICIES), [self.both(1, 30)] * 15) == [(900, 2)]


class TestWake:
    """From zero: waiting requests for two minutes in a row."""

    POLICY = Policy(
        min_instances=0,
        max_instances=4,
        tracking=tracking(),
        wake=Wake(periods=2, add_instances=1, cooldown_seconds=300),
    )

    def test_after_two_minutes(self):
        assert play(Scaler.of(self.POLICY), [{WAITING: 0}, {WAITING: 1}, {WAITING: 1}]) == [(180, 1)]

    def test_not_while_instances_are_on_their_way(self):
        machine = Scaler.of(self.POLICY)
        assert play(machine, [{WAITING: 1}] * 30, ready=False) == [(120, 1)]

    def test_after_a_minute_with_documents_if_they_may(self):
        wake = self.POLICY.wake.model_copy(update={"on_documents": True})
        machine = Scaler.of(self.POLICY.model_copy(update={"wake": wake}))
        assert play(machine, [{COMING: 0}, {COMING: 1}]) == [(120, 1)]

    def test_both_alarms_fire_one_policy_with_one_cooldown(self):
        wake = self.POLICY.wake.model_copy(update={"on_documents": True})
        machine = Scaler.of(self.POLICY.model_copy(update={"wake": wake}))
        # The request that waits is still seen in the minute in which the instance came that documents woke.
        assert play(machine, [{COMING: 1, WAITING: 0}, {WAITING: 1}, {WAITING: 1}, {WAITING: 0}]) == [(60, 1)]

    def test_then_target_tracking_takes_over(self):
        machine = Scaler.of(self.POLICY)
        assert play(machine, [{WAITING: 1}] * 2) == [(120, 1)]
        assert play(machine, [{WAITING: 0, BACKLOG: 30}] * 3, first=180) == [(300, 4)]


def test_a_step_policy_adds_only_the_difference_in_its_cooldown():
    # As documented: +2, and when the breach grows to a step of +3 within the cooldown, one more.
    policy = StepScaling(
        metric="m",
        threshold=10,
        above=True,
        periods=1,
        steps=(Step(0, 10, 2), Step(10, None, 3)),
        cooldown_seconds=300,
    )
    machine = scaler(4, policies=(), steps=[policy])
    metrics = [{"m": 12}, {"m": 12}, {"m": 25}, {"m": 25}, {"m": 25}, {"m": 25}]
    assert play(machine, metrics) == [(60, 6), (180, 7), (360, 10)]


def schedule(name, when, least, most, timezone="Etc/UTC"):
    return Schedule(name=name, when=when, timezone=timezone, min_instances=least, max_instances=most)


class TestSchedules:
    """New bounds at a time, whatever the cooldowns say."""

    START = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)

    def test_the_capacity_is_brought_within_the_new_bounds_at_once(self):
        day = (
            schedule("open", "cron(0 8 ? * MON-FRI *)", 4, 10, "Europe/Berlin"),
            schedule("close", "cron(0 18 ? * MON-FRI *)", 0, 2, "Europe/Berlin"),
        )
        machine = scaler(0, schedules=day, start=self.START)
        assert machine.next_schedule == 7 * 3600
        assert machine.run_schedules(7 * 3600 - 1) == 0
        assert machine.run_schedules(7 * 3600) == 4
        machine.in_service(7 * 3600, 4)
        assert machine.next_schedule == 17 * 3600
        assert machine.run_schedules(17 * 3600) == 2
        assert machine.next_schedule == (24 + 7) * 3600

    def test_cooldowns_do_not_hold_them_up(self):
        machine = scaler(schedules=[schedule("more", "at(2026-01-05T00:04:00)", 9, 9)], start=self.START)
        assert play(machine, [20] * 3) == [(180, 3)]
        assert machine.run_schedules(240) == 9
        assert machine.next_schedule == math.inf

    @pytest.mark.parametrize(
        ("hour", "bounds"), [(3, (0, 2)), (7, (4, 10)), (12, (4, 10)), (17, (0, 2)), (23, (0, 2))]
    )
    def test_a_trace_begins_with_the_bounds_that_are_in_force(self, hour, bounds):
        day = (
            schedule("open", "cron(0 8 ? * MON-FRI *)", 4, 10, "Europe/Berlin"),
            schedule("close", "cron(0 18 ? * MON-FRI *)", 0, 2, "Europe/Berlin"),
        )
        start = self.START.replace(hour=hour)
        machine = scaler(None, least=1, most=1, schedules=day, start=start, schedules_in_force=True)
        assert (machine.min_instances, machine.max_instances) == bounds
        assert machine.desired == bounds[0]
        fresh = scaler(None, least=1, most=1, schedules=day, start=start)
        assert fresh.desired == 1

    def test_bounds_that_hold_already_change_nothing(self):
        machine = scaler(3, schedules=[schedule("same", "rate(1 hour)", 1, 5)], start=self.START)
        assert machine.run_schedules(3600) == 3
        assert machine.next_schedule == 7200


@pytest.mark.parametrize("instances", [-3, 99])
def test_it_begins_within_its_bounds(instances):
    assert 1 <= scaler(instances, least=1, most=4).desired <= 4


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('when = "cron(0 8 31 2 ? *)"', "no month has such a day"),
        ('when = "rate(0 minutes)"', "above 0"),
        ('timezone = "Mars/Olympus"', "timezone Mars/Olympus"),
        ("max_instances = 0", "max_instances"),
    ],
)
def test_a_schedule_in_the_file_that_cannot_run_is_named_with_its_key(tmp_path, line, told):
    key = line.split(" = ")[0]
    lines = {
        "name": 'name = "x"',
        "when": 'when = "rate(1 hour)"',
        "timezone": 'timezone = "Etc/UTC"',
        "min_instances": "min_instances = 0",
        "max_instances": "max_instances = 4",
    } | {key: line}
    policies = Path(str(files("autoscaling").joinpath("policies.toml"))).read_text("utf-8")
    schedule = ", ".join(lines.values())
    broken = policies.replace("max_instances = 6", f"max_instances = 6\nschedules = [{{ {schedule} }}]", 1)
    path = tmp_path / "mine.toml"
    path.write_text(broken, "utf-8")
    with pytest.raises(ConfigurationError, match=told) as caught:
        load_policies(path)
    assert "mine.toml" in caught.value.message
    assert "ocr.async.schedules.0" in caught.value.message


def test_clocks_that_change_move_the_schedule_whatever_zone_the_start_is_told_in():
    start = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    daily = schedule("open", "cron(0 8 * * ? *)", 2, 9, "Europe/Berlin")
    machine = scaler(0, schedules=[daily], start=start)
    # From noon to 8 o'clock of the next day, one hour of which is left out.
    assert machine.next_schedule == 19 * 3600
    machine.run_schedules(19 * 3600)
    assert machine.next_schedule == (19 + 24) * 3600
