"""The tuner: cheaper at the same p95, within what it may choose, and the same answer from the same seed."""

from __future__ import annotations

import pytest

from autoscaling import load_policies
from autoscaling.policies import Policies
from autoscaling.prices import load_prices
from autoscaling.scenario import Scenario
from autoscaling.search_space import Space
from autoscaling.service_times import load_service_times
from autoscaling.traffic import generate, load_traffic
from autoscaling.tuner import Goal, tune
from hybrid_ocr.contracts.errors import RequestError

SCENARIO = Scenario(load_policies(), load_service_times())
SLEEPERS = Space.of(load_prices(), SCENARIO.service_times, modes=("async",))


def trace_of(kind: str, days: float):
    return generate(load_traffic()[kind].model_copy(update={"days": days}))


@pytest.fixture(scope="module")
def found():
    return tune(trace_of("office-hours", 1), SCENARIO, space=SLEEPERS, trials=24)


@pytest.mark.parametrize(("kind", "days"), [("office-hours", 1), ("nightly-batch", 1), ("viral-burst", 2)])
def test_tuned_policies_cost_at_most_60_percent_at_the_same_p95(kind: str, days: float) -> None:
    found = tune(trace_of(kind, days), SCENARIO, space=SLEEPERS, trials=24)
    assert found.chosen is not None
    assert found.chosen.report.p95 <= found.before.report.p95
    assert found.chosen.report.dollars <= 0.6 * found.before.report.dollars


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["office-hours", "nightly-batch", "viral-burst"])
def test_so_they_do_over_a_week_with_all_there_is_to_choose(kind: str, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--soak"):
        pytest.skip("with --soak: minutes")
    space = Space.of(load_prices(), SCENARIO.service_times)
    found = tune(trace_of(kind, 7), SCENARIO, space=space, trials=120)
    assert found.chosen is not None
    assert found.chosen.report.p95 <= found.before.report.p95
    assert found.chosen.report.dollars <= 0.6 * found.before.report.dollars


def test_no_candidate_of_the_front_beats_another(found) -> None:
    dollars = [each.report.dollars for each in found.front]
    p95 = [each.report.p95 for each in found.front]
    assert dollars == sorted(set(dollars))
    assert p95 == sorted(set(p95), reverse=True)
    assert found.chosen in found.front


def test_what_was_chosen_can_be_deployed(found) -> None:
    chosen = found.chosen.scenario
    Policies.model_validate(chosen.policies.model_dump())
    for stage, host in chosen.hosting.items():
        assert host.instance_type in SLEEPERS.instance_types[stage]
        assert chosen.policy(stage).max_instances <= SLEEPERS.most_instances
        assert chosen.policies.of(stage, "realtime") == SCENARIO.policies.of(stage, "realtime")


def test_the_same_seed_finds_the_same() -> None:
    trace = trace_of("nightly-batch", 0.25)
    first, second = (tune(trace, SCENARIO, space=SLEEPERS, trials=22, seed=7) for _ in range(2))
    assert [each.report for each in first.front] == [each.report for each in second.front]


def test_a_goal_that_nothing_meets_is_told() -> None:
    trace = trace_of("nightly-batch", 0.25)
    assert tune(trace, SCENARIO, space=SLEEPERS, goal=Goal(0.001), trials=3).chosen is None
    assert tune(trace, SCENARIO, space=SLEEPERS, goal=Goal(1e9, 0.01), trials=3).chosen is None


def test_real_time_endpoints_are_searched_too() -> None:
    space = Space.of(load_prices(), SCENARIO.service_times, ["ml.g4dn.xlarge"], modes=("realtime",))
    found = tune(trace_of("office-hours", 0.5), SCENARIO, space=space, trials=3)
    new = [each.scenario for each in found.front if each is not found.before]
    assert new
    for scenario in new:
        assert {host.mode for host in scenario.hosting.values()} == {"realtime"}
        assert all(scenario.policy(stage).min_instances >= 1 for stage in scenario.hosting)


def test_the_search_ends_when_its_time_is_over() -> None:
    found = tune(trace_of("office-hours", 0.1), SCENARIO, space=SLEEPERS, trials=10_000, longest_seconds=0.2)
    assert found.tried < 10_000


def test_types_that_another_beats_are_left_out() -> None:
    types = SLEEPERS.instance_types["region_detection"]
    assert "ml.c7i.xlarge" in types
    assert "ml.g5.xlarge" not in types  # ml.g4dn.2xlarge: cheaper by the hour, by the page, and faster
    with pytest.raises(RequestError, match=r"ml\.p5: has no price"):
        Space.of(load_prices(), SCENARIO.service_times, ["ml.p5"])
