"""What a user reads off the event simulator."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from autoscaling.policies import Schedule
from autoscaling.simulation.documents import invocations
from autoscaling.simulation.events import Work, simulate, simulate_work
from autoscaling.simulation.model import Arrivals, Delays, Failures, ServiceTime
from hybrid_ocr.contracts.errors import ConfigurationError
from lambdas.paginate.plan import split_pages
from tests.autoscaling.builders import arrivals, fixed, office_day, pipeline, policy

COLD = Delays(provisioning_seconds=150, download_seconds=60, warm_up_seconds=120)
SECOND = ServiceTime.constant(1.0)


def changes(series):
    """(period end, desired) where the desired count is another than at the period end before."""
    index = np.flatnonzero(np.diff(series.desired)) + 1
    return [(float(series.times[i]), int(series.desired[i])) for i in index]


def test_a_sleeping_pipeline_pays_two_cold_starts_in_a_row():
    # Waiting is seen at 60 and 120; both detectors work from 120 + 330 on; OCR sees work from 451, so at 480
    # and 540, and works from 870 on. Text detection lasts 1 s, OCR too: done at 871.
    outcome = simulate(pipeline(policy(), service=SECOND), arrivals([30.0]))
    assert outcome.latency.tolist() == [871.0 - 30.0]
    assert outcome.cold_start.tolist() == [(450 - 30) + (870 - 451)]
    assert outcome.service.tolist() == [2.0]
    assert outcome.queue.tolist() == [0.0]


def test_waking_all_on_intake_pays_one():
    outcome = simulate(pipeline(policy(together=True), service=SECOND), arrivals([30.0]))
    # Seen at 60, there at 390; OCR has been awake for a second when the text detector is done.
    assert outcome.latency.tolist() == [362.0]
    assert outcome.cold_start.tolist() == [360.0]


def test_a_document_that_comes_just_after_they_went_wakes_them_at_the_end_of_the_minute():
    outcome = simulate(
        pipeline(policy(together=True), service=SECOND), arrivals([30.0, 1260.1], duration=3600.0)
    )
    # They went at 1260; it is seen at 1320, there is an instance at 1650, and two stages follow.
    assert outcome.latency.tolist() == pytest.approx([362.0, 1652 - 1260.1])


def test_delays_of_metrics_and_alarms_come_on_top():
    late = Delays(150, 60, 120, metric_seconds=20, alarm_seconds=7)
    outcome = simulate(pipeline(policy(), service=SECOND, delays=late), arrivals([30.0]))
    # Text detection is done at 120 + 27 + 330 + 1 = 478, so OCR's work is seen at 480 and 540 as before.
    assert outcome.latency.tolist() == [871.0 - 30.0 + 27]


def test_a_gauge_that_is_read_late_sees_what_came_meanwhile():
    told, came = pipeline(policy(together=True), service=SECOND), arrivals([60.5])
    random = np.random.default_rng(0)
    work = Work.of(told, came, random)

    def latency(readings):
        run = replace(work, readings=readings)
        return simulate_work(told.endpoints, run, 600.0, start=came.start, random=random).latency.tolist()

    # Seen at the end of the next minute, or at that of this one, which was read a second late.
    assert latency(None) == [120 + 330 + 2 - 60.5]
    assert latency(np.array([10.0, 20.0, 30.0, 40.0, 50.0, 61.0])) == [60 + 330 + 2 - 60.5]


def test_it_sleeps_again_after_a_quarter_of_an_hour():
    arrival = arrivals([30.0], duration=3600.0)
    outcome = simulate(pipeline(policy(), service=SECOND), arrival)
    # In service from 450, done at 451: the readings at 460 .. 510 see nothing, nor does any minute after; the
    # fifteenth data point below the target is that of 480 + 14 x 60.
    text = outcome.endpoints["text_detection"]
    assert [count for _, count in changes(text)] == [1, 0]
    assert changes(text)[-1][0] == 480 + 14 * 60 + 60
    loading, working = 60 + 120, 480 + 14 * 60 - 450
    assert text.paid_seconds == loading + working
    assert text.busy_seconds == pytest.approx(1 / 4)


def test_what_is_around_the_endpoints_counts_as_service():
    outcome = simulate(
        pipeline(fixed(1), service=SECOND, before_seconds=3.0, after_seconds=2.0), arrivals([10.0])
    )
    assert outcome.latency.tolist() == [7.0]
    assert outcome.service.tolist() == [7.0]


def test_a_long_document_is_many_invocations():
    # 65 pages are nine invocations, eight of 8 and one of 1: four at once, each 6 s, the ninth after twelve;
    # OCR gets four at 6 s, four at 12 and the ninth at 13, which waits until 18.
    service = ServiceTime((1, 8), (1.0, 6.0))
    outcome = simulate(pipeline(fixed(1), service=service), arrivals([0.0], pages=65))
    assert outcome.latency.tolist() == [19.0]
    assert outcome.pages == 65


def test_a_short_document_is_spread_over_invocations_as_the_flow_does_it():
    service = ServiceTime((1, 8), (1.0, 6.0))
    # Three pages are three invocations, side by side; twelve are six of two.
    assert simulate(pipeline(fixed(1), service=service), arrivals([0.0], pages=3)).latency.tolist() == [2.0]
    document, pages = invocations(np.array([3, 12, 17, 65]), 8)
    assert np.bincount(document).tolist() == [3, 6, 6, 9]
    assert pages[document == 2].tolist() == [3, 3, 3, 3, 3, 2]
    for index, of_it in enumerate((3, 12, 17, 65)):
        assert len(split_pages(range(1, of_it + 1), 8)) == (document == index).sum()


def test_latency_is_its_parts():
    outcome = simulate(pipeline(policy()), office_day(3_000))
    assert np.allclose(outcome.latency, outcome.queue + outcome.cold_start + outcome.service)
    assert (outcome.latency > 0).all()


def test_the_same_seed_is_the_same_outcome():
    day = office_day(2_000)
    first, second = (simulate(pipeline(policy()), day, seed=4) for _ in range(2))
    assert (first.latency == second.latency).all()


def test_scheduled_instances_are_there_when_the_day_begins():
    opening = Schedule(
        name="open", when="at(2026-01-05T08:00:00)", timezone="Etc/UTC", min_instances=3, max_instances=6
    )
    told = policy(schedules=(opening,))
    times = 8 * 3600 + 600 + np.arange(100.0)
    day = Arrivals(times, np.ones(100, dtype=np.int64), 86_400.0, datetime(2026, 1, 5, tzinfo=UTC))
    outcome = simulate(pipeline(told, service=SECOND), day)
    assert outcome.cold_start.max() == 0
    # Asked for at 8:00 to the second, in service 330 s later.
    series = outcome.endpoints["ocr"]
    assert changes(series)[0] == (8 * 3600 + 60, 3)
    assert series.times[np.argmax(series.instances == 3)] == 8 * 3600 + 360


def test_instances_that_fail_lose_no_work():
    day = office_day(5_000)
    steady = simulate(pipeline(fixed(3)), day)
    failing = simulate(pipeline(fixed(3), failures=Failures(per_instance_hour=2.0)), day)
    assert np.isfinite(failing.latency).all()
    assert failing.mean() > steady.mean()
    assert failing.endpoints["ocr"].instances.min() < 3


def test_what_cannot_be_had_is_waited_for():
    scarce = Failures(no_capacity_probability=0.8, no_capacity_retry_seconds=600)
    outcome = simulate(pipeline(policy(), service=SECOND, failures=scarce), arrivals([30.0]), seed=2)
    assert np.isfinite(outcome.latency[0])
    assert (outcome.latency[0] - 841.0) % 600 == pytest.approx(0, abs=120)
    assert outcome.latency[0] > 841


def test_an_endpoint_that_never_wakes_has_infinite_latency_and_the_run_ends():
    outcome = simulate(pipeline(policy(wake=False), service=SECOND), arrivals([30.0, 60.0]))
    assert outcome.latency.tolist() == [math.inf, math.inf]
    assert outcome.missed(3600) == 2


def test_no_documents_are_no_latency():
    outcome = simulate(pipeline(policy()), Arrivals(np.empty(0), np.empty(0, dtype=np.int64), 3600.0))
    assert outcome.mean() == 0
    assert outcome.percentile(95) == 0
    assert outcome.endpoints["ocr"].paid_seconds == 0


def test_deadlines_and_percentiles():
    outcome = simulate(pipeline(fixed(1), service=SECOND, concurrency=1), arrivals([0.0, 0.0, 0.0, 0.0]))
    assert sorted(outcome.latency) == [2.0, 3.0, 4.0, 5.0]
    assert outcome.percentile(50) == 3.0
    assert outcome.percentile(95) == 5.0
    assert outcome.missed(3.5) == 2
    assert outcome.mean() == 3.5


@pytest.mark.parametrize(
    ("times", "pages", "duration", "told"),
    [
        ([1.0, 0.5], [1, 1], 9.0, "entry 2: the time is before the one above"),
        ([-1.0], [1], 9.0, "entry 1: the time is not a number of 0 or more"),
        ([0.0, math.nan], [1, 1], 9.0, "entry 2: the time"),
        ([0.0, 1.0, 2.0], [1, 1, 0], 9.0, "entry 3: pages is below 1"),
        ([5.0], [1], 4.0, "duration_seconds"),
        ([0.0], [1], math.nan, "duration_seconds"),
    ],
)
def test_arrivals_that_cannot_be_are_named(times, pages, duration, told):
    with pytest.raises(ConfigurationError, match=told):
        Arrivals(np.array(times), np.array(pages), duration)
