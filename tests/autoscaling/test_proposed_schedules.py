"""Scheduled actions that a trace suggests, and policies.toml with them in it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaling import load_policies
from autoscaling.arrivals import Trace
from autoscaling.policies import Policies
from autoscaling.policy_file import difference, render, with_policies
from autoscaling.scaling.schedule import parse_when
from autoscaling.schedules import propose
from autoscaling.traffic import Burst, Diurnal, Poisson, Traffic, generate
from autoscaling.whole_file import replace_whole
from hybrid_ocr.contracts.errors import ConfigurationError, RequestError
from tests.autoscaling.builders import policy
from tests.conftest import ROOT

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
SHIPPED = (ROOT / "autoscaling/policies.toml").read_text("utf-8")


def week(*parts, days=14) -> Trace:
    return generate(Traffic(about="", start=MONDAY, days=days, pages_per_document=4, seed=1, parts=parts))


def working_days(rate=20_000, from_hour=8, to_hour=18, weekdays=(1, 2, 3, 4, 5)) -> Diurnal:
    return Diurnal(
        kind="diurnal", documents_per_hour=rate, from_hour=from_hour, to_hour=to_hour, weekdays=weekdays
    )


def bounds_at(actions, moment: datetime) -> int | None:
    """The minimum that holds at a time: that of the action that ran last."""
    runs = []
    for action in actions:
        when, last = parse_when(action.when, action.timezone), None
        run = when.first_after(datetime(2026, 11, 1, tzinfo=UTC), MONDAY)
        while run is not None and run <= moment:
            last, run = run, when.first_after(run, MONDAY)
        if last is not None:
            runs.append((last, action.min_instances))
    return max(runs)[1] if runs else None


def test_a_working_day_gets_its_instances_before_it_and_gives_them_back_after() -> None:
    actions = propose(week(working_days()), policy(least=0, most=6), 0.1, lead_minutes=15)
    assert all("MON-FRI" in action.when for action in actions)
    wednesday = datetime(2026, 11, 25, tzinfo=UTC)
    noon = bounds_at(actions, wednesday.replace(hour=13))
    assert noon == 3  # 22 pages a second of 0.1 s are 2.2 instances, of 0.7 utilisation 3
    assert bounds_at(actions, wednesday.replace(hour=9, minute=50)) == 1
    assert bounds_at(actions, wednesday.replace(hour=20)) == 0
    assert bounds_at(actions, datetime(2026, 11, 28, 13, tzinfo=UTC)) == 0


def test_what_happens_once_is_not_scheduled() -> None:
    burst = Burst(kind="burst", per_day=0.3, documents_per_hour=90_000, rise_minutes=5, fall_minutes=60)
    assert propose(week(Poisson(kind="poisson", documents_per_hour=60), burst), policy(), 0.1) == ()


def test_less_than_a_whole_day_repeats_nothing() -> None:
    assert propose(week(working_days(), days=0.6), policy(), 0.1) == ()


def test_days_repeat_in_the_time_zone_that_is_named() -> None:
    actions = propose(week(working_days()), policy(most=6), 0.1, timezone="Asia/Tokyo")
    assert all(action.timezone == "Asia/Tokyo" for action in actions)
    assert bounds_at(actions, datetime(2026, 11, 25, 13, tzinfo=UTC)) == 3
    with pytest.raises(RequestError, match="no time zone 'Mars/Base'"):
        propose(week(working_days()), policy(), 0.1, timezone="Mars/Base")


def test_a_load_over_midnight_is_held_through_it() -> None:
    nights = working_days(from_hour=20, to_hour=4, weekdays=tuple(range(1, 8)))
    actions = propose(week(nights), policy(most=6), 0.1)
    for hour in (23, 0, 1):
        assert bounds_at(actions, datetime(2026, 11, 26, hour, 30, tzinfo=UTC)) >= 2


@settings(max_examples=25, deadline=None)
@given(
    rate=st.integers(10, 200_000),
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)),
    least=st.integers(0, 2),
    more=st.integers(1, 20),
    utilisation=st.floats(0.1, 1.0),
    lead=st.integers(0, 60),
)
def test_proposed_actions_keep_to_the_policy_and_can_be_written(  # noqa: PLR0917 - drawn
    rate, hours, least, more, utilisation, lead
) -> None:
    told = policy(least=least, most=least + more)
    actions = propose(
        week(working_days(rate, *hours), days=7), told, 0.1, utilisation=utilisation, lead_minutes=lead
    )
    assert all(least <= action.min_instances <= action.max_instances == least + more for action in actions)
    changed = type(told).model_validate(
        told.model_dump() | {"schedules": actions}
    )  # names differ, times are times
    assert tomllib.loads(render("ocr", "async", changed))["ocr"]["async"]["max_instances"] == least + more
    text = with_policies(SHIPPED, {("ocr", "async"): changed})
    written = Policies.model_validate(tomllib.loads(text))
    assert written.of("ocr", "async") == changed
    assert written.text_detection == load_policies().text_detection


def test_only_the_table_that_changes_changes() -> None:
    shipped = load_policies()
    same = {
        ("ocr", "async"): shipped.ocr["async"],
        ("text_detection", "realtime"): shipped.text_detection["realtime"],
    }
    assert difference(SHIPPED, with_policies(SHIPPED, same)) == ""
    more = shipped.ocr["async"].model_copy(update={"max_instances": 9})
    lines = difference(SHIPPED, with_policies(SHIPPED, {("ocr", "async"): more})).splitlines()
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-max_instances = 6", "+max_instances = 9"]


def test_a_file_that_cannot_be_edited_is_left_alone() -> None:
    odd = SHIPPED.replace("[ocr.async]", "[ocr . async]")
    with pytest.raises(ConfigurationError, match="cannot be edited"):
        with_policies(odd, {("ocr", "async"): load_policies().ocr["async"]})


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    replace_whole(tmp_path / "a.toml", "one")
    replace_whole(tmp_path / "a.toml", b"two")
    assert (tmp_path / "a.toml").read_text() == "two"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_whole(tmp_path / "folder", "three")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.toml", "folder"]
