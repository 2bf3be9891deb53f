"""Reports: percentiles and their parts, money, and the table of two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autoscaling.prices import load_prices
from autoscaling.report import PERCENTS, compare, report
from autoscaling.simulation.events import simulate
from autoscaling.simulation.model import STAGES, Arrivals
from autoscaling.simulation.outcome import EndpointSeries, Outcome
from hybrid_ocr.contracts.errors import ConfigurationError
from tests.autoscaling.builders import fixed, office_day, pipeline, policy

PRICES = load_prices()


@pytest.fixture(scope="module")
def simulated():
    told = pipeline(policy())
    return told, simulate(told, office_day(1500))


def test_the_parts_of_a_percentile_add_up_to_it(simulated) -> None:
    told = report(simulated[1], simulated[0], PRICES)
    for percent in PERCENTS:
        latency = told.latency[percent]
        assert latency.total == simulated[1].percentile(percent)
        assert latency.queue + latency.cold_start + latency.service == pytest.approx(latency.total)
        assert min(latency.queue, latency.cold_start, latency.service) >= 0
    assert told.latency[99].cold_start > told.latency[50].cold_start  # who waits longest waits for a start


def test_money_is_hours_times_price() -> None:
    told = pipeline(fixed(2))
    day = report(simulate(told, office_day(300)), told, PRICES, deadline_seconds=3600)
    hours = day.duration_seconds / 3600
    instances = 2 * len(STAGES)
    assert day.hours == pytest.approx(instances * hours)
    assert day.dollars == pytest.approx(instances * hours * PRICES.instances["ml.g5.xlarge"].dollars_per_hour)
    assert day.dollars_per_month == pytest.approx(day.dollars * 30 * 24 / hours)
    assert day.dollars_per_thousand_pages == pytest.approx(1000 * day.dollars / day.pages)
    assert 0 < day.idle_hours < day.hours
    assert day.missed == 0
    assert {endpoint.most_instances for endpoint in day.endpoints.values()} == {2}
    assert sum(endpoint.scale_outs for endpoint in day.endpoints.values()) == 0


def test_documents_that_are_never_done_are_told_and_not_averaged_away(simulated) -> None:
    told, outcome = simulated
    latency = outcome.latency.copy()
    latency[len(latency) // 2 :] = np.inf
    lost = report(replace(outcome, latency=latency), told, PRICES, deadline_seconds=600)
    assert lost.p95 == np.inf
    assert lost.missed >= outcome.weight[len(latency) // 2 :].sum()
    table = {row[0]: row[1] for row in compare({"x": lost})}
    assert table["p95 latency"] == "never done"


def test_an_empty_run_costs_nothing_a_page(simulated) -> None:
    told, _ = simulated
    none = np.array([])
    series = EndpointSeries(none, none, none, none, 0.0, 0.0)
    outcome = Outcome(none, none, none, none, none, none, 0.0, dict.fromkeys(told.endpoints, series), 60.0)
    empty = report(outcome, told, PRICES)
    assert (empty.p95, empty.dollars, empty.dollars_per_thousand_pages) == (0.0, 0.0, 0.0)


def test_two_reports_have_their_ratio(simulated) -> None:
    told = report(simulated[1], simulated[0], PRICES, deadline_seconds=300)
    heading, *rows = compare({"old": told, "new": told})
    assert heading == ("", "old", "new", "ratio")
    assert all(len(row) == 4 and row[1] == row[2] for row in rows)
    assert {row[3] for row in rows} <= {"1.00", ""}
    assert any(row[0] == "later than 5.0 min" for row in rows)


def test_a_type_without_a_price_is_named() -> None:
    told = pipeline(fixed(1))
    dear = replace(
        told, endpoints={name: replace(each, instance_type="ml.x") for name, each in told.endpoints.items()}
    )
    outcome = simulate(dear, Arrivals(np.array([0.0]), np.array([1]), 60.0))
    with pytest.raises(ConfigurationError, match=r"no ml\.x"):
        report(outcome, dear, PRICES)
