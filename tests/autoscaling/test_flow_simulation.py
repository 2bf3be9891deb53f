"""The flow per tick says what the exact events say, where both can run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from autoscaling.policies import Policy, Schedule, Tracking
from autoscaling.simulation.events import simulate
from autoscaling.simulation.flow import simulate_flow
from autoscaling.simulation.model import (
    STAGES,
    Arrivals,
    EndpointModel,
    Failures,
    Pipeline,
    ServiceTime,
    Volumes,
)
from hybrid_ocr.contracts.errors import ConfigurationError
from tests.autoscaling.builders import arrivals, fixed, office_day, pipeline, policy

WITHIN = 0.05
PAGE = ServiceTime((1, 8), (3.7, 22.0), variation=0.3)
"""Of documents of one page, which are one invocation each."""


def paid(outcome):
    return sum(series.paid_seconds for series in outcome.endpoints.values())


def agree(pipe, trace, *, within=WITHIN):
    exact, flow = simulate(pipe, trace), simulate_flow(pipe, trace.volumes())
    assert flow.mean() == pytest.approx(exact.mean(), rel=within)
    assert flow.percentile(95) == pytest.approx(exact.percentile(95), rel=within)
    assert paid(flow) == pytest.approx(paid(exact), rel=within)
    for stage, series in exact.endpoints.items():
        assert flow.endpoints[stage].paid_seconds == pytest.approx(series.paid_seconds, rel=within)
        assert flow.endpoints[stage].busy_seconds == pytest.approx(series.busy_seconds, rel=within)
    return exact, flow


def test_steady_load_on_a_fixed_fleet():
    agree(pipeline(fixed(9), service=PAGE), office_day(120_000))


def test_documents_of_several_invocations_on_a_fixed_fleet():
    agree(pipeline(fixed(9)), office_day(90_000, pages=5))


@pytest.mark.parametrize(("scale", "variation"), [(0.3, 1.0), (1.0, 0.3), (3.0, 1.0)])
def test_one_instance_whatever_its_service_takes(scale, variation):
    service = ServiceTime((1, 8), (1.0 * scale, 6.0 * scale), variation)
    agree(pipeline(fixed(1), service=service), office_day(int(6_400 / scale), pages=5), within=0.06)
    agree(pipeline(fixed(1), service=service), office_day(int(32_000 / scale)))


def test_a_fleet_that_follows_its_target():
    agree(pipeline(policy(2.5, least=1), service=PAGE), office_day(150_000))


def test_a_fleet_that_follows_documents_of_several_invocations():
    """Backlogs come in clumps then, and what scaling makes of them is chance: two runs of one differ, too."""
    told, trace = pipeline(policy(2.5, least=1, most=200)), office_day(600_000, pages=5)
    exact, flow = simulate(told, trace), simulate_flow(told, trace.volumes())
    assert flow.mean() == pytest.approx(exact.mean(), rel=0.1)
    assert flow.percentile(95) == pytest.approx(exact.percentile(95), rel=WITHIN)
    assert paid(flow) == pytest.approx(paid(exact), rel=0.12)


def test_what_is_around_the_endpoints():
    around = pipeline(policy(2.5, least=1), service=PAGE, before_seconds=47.0, after_seconds=11.0)
    agree(around, office_day(150_000))


def test_too_few_instances_for_hours():
    agree(pipeline(fixed(5), service=PAGE), office_day(120_000))


def test_a_backlog_dropped_on_sleeping_endpoints():
    random = np.random.default_rng(2)
    trace = Arrivals(np.sort(random.uniform(3600, 3660, 20_000)), random.geometric(0.2, 20_000), 8 * 3600.0)
    exact, flow = agree(pipeline(policy(4.0, most=20)), trace)
    assert np.average(flow.cold_start, weights=flow.weight) == pytest.approx(
        exact.cold_start.mean(), rel=WITHIN
    )
    assert flow.endpoints["ocr"].desired.max() == exact.endpoints["ocr"].desired.max()


def test_waking_together_gains_the_same():
    trace = arrivals(3600 + np.arange(100.0), pages=8, duration=4 * 3600.0)
    sleepers = pipeline(policy(4.0, most=20))
    ocr = replace(sleepers.endpoints["ocr"], service=ServiceTime((1, 8), (0.7, 4.2), variation=0.3))
    alone = replace(sleepers, endpoints={**sleepers.endpoints, "ocr": ocr})
    woken = policy(4.0, most=20, together=True)
    together = replace(
        alone, endpoints={stage: replace(each, policy=woken) for stage, each in alone.endpoints.items()}
    )
    p95 = [
        run(pipe)
        for pipe in (alone, together)
        for run in (
            lambda pipe: simulate(pipe, trace).percentile(95),
            lambda pipe: simulate_flow(pipe, trace.volumes()).percentile(95),
        )
    ]
    assert p95[1] == pytest.approx(p95[0], rel=WITHIN)
    assert p95[3] == pytest.approx(p95[2], rel=WITHIN)
    assert p95[3] < 0.7 * p95[1]


def test_schedules():
    day = Schedule(
        name="day", when="cron(30 7 * * ? *)", timezone="Etc/UTC", min_instances=8, max_instances=30
    )
    night = Schedule(
        name="night", when="cron(0 19 * * ? *)", timezone="Etc/UTC", min_instances=1, max_instances=2
    )
    agree(pipeline(policy(2.5, least=1, schedules=(day, night)), service=PAGE), office_day(150_000))


def test_real_time_endpoints_are_read_every_ten_seconds():
    told = Policy(
        min_instances=2,
        max_instances=120,
        tracking=Tracking(
            metric="ConcurrentRequestsPerModel",
            target=2.5,
            scale_out_cooldown_seconds=60,
            scale_in_cooldown_seconds=300,
        ),
    )
    endpoint = EndpointModel(policy=told, service=PAGE, mode="realtime")
    agree(Pipeline(endpoints=dict.fromkeys(STAGES, endpoint)), office_day(450_000))


def test_real_time_endpoints_by_their_invocations():
    told = Policy(
        min_instances=2,
        max_instances=40,
        tracking=Tracking(
            metric="InvocationsPerInstance",
            target=40,
            scale_out_cooldown_seconds=60,
            scale_in_cooldown_seconds=300,
        ),
    )
    endpoint = EndpointModel(policy=told, service=PAGE, mode="realtime")
    agree(Pipeline(endpoints=dict.fromkeys(STAGES, endpoint)), office_day(150_000))


def test_the_cost_does_not_grow_with_the_volume():
    """A hundred million pages are as many ticks, samples and periods as a thousand."""
    ticks = np.ones(6 * 60 * 24)
    sizes, shares = np.array([1, 10]), np.array([0.5, 0.5])
    start = datetime(2026, 1, 5, tzinfo=UTC)
    small, large = (
        simulate_flow(
            pipeline(policy(2.5, least=1, most=1_000)),
            Volumes(ticks * rate, ticks * rate * 5.5, sizes, shares, start=start),
        )
        for rate in (1.0, 2_000.0)
    )
    assert len(small.latency) == len(large.latency)
    assert len(small.endpoints["ocr"].times) == pytest.approx(len(large.endpoints["ocr"].times), abs=60)
    assert large.endpoints["ocr"].paid_seconds > 300 * small.endpoints["ocr"].paid_seconds


def test_failures_cost_latency_in_both():
    broken = pipeline(fixed(12), service=PAGE, failures=Failures(per_instance_hour=0.5))
    agree(broken, office_day(120_000), within=0.1)


def test_latency_is_its_parts():
    outcome = simulate_flow(pipeline(policy()), office_day(30_000).volumes())
    done = np.isfinite(outcome.latency)
    parts = outcome.queue + outcome.cold_start + outcome.service
    assert done.all()
    assert np.allclose(outcome.latency, parts, atol=1e-6)
    assert outcome.weight.sum() == pytest.approx(30_000, rel=0.05)


def test_a_tick_must_fit_into_the_period():
    told = Policy(
        min_instances=1,
        max_instances=4,
        tracking=Tracking(
            metric="ConcurrentRequestsPerModel",
            target=3,
            scale_out_cooldown_seconds=0,
            scale_in_cooldown_seconds=0,
        ),
    )
    with pytest.raises(ConfigurationError, match="tick_seconds 60"):
        simulate_flow(pipeline(told), office_day(100).volumes(60.0))


@pytest.mark.parametrize(
    ("documents", "tick", "told"),
    [([1.0, -1.0], 10.0, "entry 2"), ([np.nan], 10.0, "entry 1"), ([1.0], 7.0, "tick_seconds")],
)
def test_volumes_that_cannot_be_are_named(documents, tick, told):
    told_pages = np.ones(len(documents))
    with pytest.raises(ConfigurationError, match=told):
        Volumes(np.array(documents), told_pages, np.array([1]), np.array([1.0]), tick)


@pytest.mark.parametrize("target", [2.0, 3.5, 5.0, 8.0])
def test_a_target_above_what_an_instance_works_on_at_once_swings_for_ever(target):
    """Four slots: five in an instance is a queue, which grows or shrinks but never stays as it is."""
    trace = arrivals(np.arange(0, 86_400, 1 / 3), pages=4)
    for outcome in (
        simulate_flow(pipeline(policy(target, least=1, most=12)), trace.volumes()),
        simulate(pipeline(policy(target, least=1, most=12)), trace),
    ):
        assert (outcome.percentile(95) > 60) == (target > 4)
