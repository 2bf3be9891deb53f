"""What holds for every policy and every load."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autoscaling.policies import Policy, Schedule, Tracking, Wake
from autoscaling.scaling.rules import Rules
from autoscaling.scaling.scaler import WAITING, Scaler
from autoscaling.scaling.steps import Step, StepScaling
from autoscaling.simulation.events import simulate
from autoscaling.simulation.fleet import Fleet
from autoscaling.simulation.flow import simulate_flow
from autoscaling.simulation.model import Arrivals, Delays, EndpointModel, Failures, ServiceTime
from autoscaling.simulation.serving import serve
from tests.autoscaling.builders import BACKLOG, pipeline

START = datetime(2026, 1, 5, tzinfo=UTC)
INVOCATIONS = "InvocationsPerInstance"

cooldowns = st.integers(0, 900)


@st.composite
def trackings(draw, metric=BACKLOG):
    target = draw(st.floats(0.2, 30))
    return Tracking(
        metric=metric,
        target=target,
        scale_out_cooldown_seconds=draw(cooldowns),
        scale_in_cooldown_seconds=draw(cooldowns),
    )


@st.composite
def policies(draw, *, sleeps=None):
    least = 0 if sleeps or (sleeps is None and draw(st.booleans())) else draw(st.integers(1, 4))
    return Policy(
        min_instances=least,
        max_instances=draw(st.integers(max(least, 1), 12)),
        tracking=draw(trackings()),
        wake=Wake(
            periods=draw(st.integers(1, 5)),
            add_instances=draw(st.integers(1, 3)),
            cooldown_seconds=draw(cooldowns),
        )
        if least == 0
        else None,
    )


@st.composite
def traces(draw):
    """Bursts with silence between them."""
    bursts = draw(st.lists(st.tuples(st.integers(0, 14_400), st.integers(1, 60)), min_size=1, max_size=4))
    times = np.sort(np.concatenate([start + np.arange(count) / 7 for start, count in bursts]))
    pages = np.array([1 + index * 7 % 30 for index in range(len(times))])
    return Arrivals(times, pages, float(times[-1]) + 3600)


delays = st.builds(
    Delays,
    provisioning_seconds=st.floats(0, 600),
    download_seconds=st.floats(0, 300),
    warm_up_seconds=st.floats(0, 300),
    metric_seconds=st.floats(0, 90),
    alarm_seconds=st.floats(0, 90),
)
failures = st.builds(
    Failures,
    per_instance_hour=st.floats(0, 3),
    no_capacity_probability=st.floats(0, 0.8),
)


@given(policies(sleeps=True), traces(), delays, failures, st.booleans())
@settings(max_examples=40, deadline=None)
def test_work_that_waits_always_wakes_a_sleeping_endpoint(policy, trace, late, broken, together):
    wake = policy.wake.model_copy(update={"on_documents": together})
    pipe = pipeline(policy.model_copy(update={"wake": wake}), delays=late, failures=broken)
    assert np.isfinite(simulate(pipe, trace).latency).all()
    assert np.isfinite(simulate_flow(pipe, trace.volumes()).latency).all()


@given(policies(), traces(), delays)
@settings(max_examples=40, deadline=None)
def test_the_simulated_count_stays_within_the_bounds(policy, trace, late):
    for outcome in (
        simulate(pipeline(policy, delays=late), trace),
        simulate_flow(pipeline(policy, delays=late), trace.volumes()),
    ):
        for series in outcome.endpoints.values():
            assert series.desired.min() >= policy.min_instances
            assert series.desired.max() <= policy.max_instances
            assert series.instances.max() <= policy.max_instances
            assert series.idle_seconds >= 0


@given(policies(), traces(), delays, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_scale_in_never_drops_work_in_flight(policy, trace, late, concurrency):
    model = EndpointModel(
        policy=policy, service=ServiceTime.exponential(20.0), concurrency=concurrency, delays=late
    )
    random = np.random.default_rng(5)
    work = model.service.draw(trace.pages, random)
    served = serve(
        model, trace.times, work, fleet=Fleet(model, START, random), duration_seconds=trace.duration_seconds
    )
    start = served.passage.finish - work
    assert np.isfinite(served.passage.finish).all()
    # Each is started once, in order, and worked on to its end; the instances are paid for all of it.
    assert (start >= trace.times - 1e-6).all()
    assert (np.diff(start) >= -1e-6).all()
    assert math.isclose(served.series.busy_seconds * concurrency, work.sum())
    assert served.series.paid_seconds >= served.series.busy_seconds - 1e-6


schedules = st.builds(
    lambda name, minutes, low, more: Schedule(
        name=name, when=f"rate({minutes} minutes)", min_instances=low, max_instances=low + more
    ),
    st.sampled_from(["a", "b", "c"]),
    st.integers(1, 300),
    st.integers(0, 10),
    st.integers(1, 10),
)
steps = st.builds(
    lambda threshold, above, by, periods, kind: StepScaling(
        metric=WAITING,
        threshold=threshold,
        above=above,
        periods=periods,
        steps=(Step(0, None, by) if above else Step(None, 0, -by),),
        cooldown_seconds=300,
        adjustment=kind,
    ),
    st.floats(0, 50),
    st.booleans(),
    st.integers(0, 90),
    st.integers(1, 5),
    st.sampled_from(["ChangeInCapacity", "PercentChangeInCapacity"]),
)
readings = st.one_of(st.none(), st.floats(0, 1e6))


@given(
    st.lists(trackings(), min_size=1, max_size=2),
    st.lists(steps, max_size=2),
    st.lists(schedules, max_size=3),
    st.lists(st.tuples(readings, readings, st.booleans()), max_size=80),
)
@settings(max_examples=150, deadline=None)
def test_never_under_the_minimum_or_over_the_maximum(tracked, stepped, planned, periods):
    machine = Scaler(
        tracking=tracked, steps=stepped, schedules=planned, min_instances=1, max_instances=7, start=START
    )
    for number, (backlog, waiting, arrived) in enumerate(periods, start=1):
        now = number * 60.0
        machine.run_schedules(now)
        told = {BACKLOG: backlog, WAITING: waiting}
        machine.period(now, {name: value for name, value in told.items() if value is not None})
        assert machine.min_instances <= machine.desired <= machine.max_instances
        if arrived:
            machine.in_service(now, machine.desired)


@given(
    backlog=trackings(BACKLOG),
    invocations=st.one_of(st.none(), trackings(INVOCATIONS)),
    load=st.floats(0.1, 200),
    concurrency=st.integers(1, 8),
    begin=st.integers(1, 60),
    cold_periods=st.integers(0, 12),
    one_at_a_time=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_on_a_constant_load_it_comes_to_rest_where_it_can(
    *, backlog, invocations, load, concurrency, begin, cold_periods, one_at_a_time
):
    """`load` in Erlang: n instances have load / n in work each, and a queue that grows if they are too few.

    A state of rest exists where the instances that the targets ask for can carry the load.
    """
    pair = [policy for policy in (backlog, invocations) if policy is not None]
    needed = max(math.ceil(load / policy.target) for policy in pair)
    assume(needed <= 300)
    assume(needed * concurrency > load * 1.05)
    machine = Scaler(
        tracking=pair,
        min_instances=1,
        max_instances=400,
        instances=begin,
        rules=Rules(one_change_at_a_time=one_at_a_time),
    )
    coming, working, queue, desired = [], machine.desired, 0.0, []
    for number in range(1, 1_500):
        now = number * 60.0
        working += sum(1 for ready in coming if ready <= number)
        coming = [ready for ready in coming if ready > number]
        machine.in_service(now, working)
        queue = max(queue + (load - working * concurrency) * 20, 0.0)  # a service time of 3 s
        there = queue + min(load, working * concurrency)
        machine.period(now, {BACKLOG: there / working, INVOCATIONS: load / working})
        missing = machine.desired - working - len(coming)
        coming += [number + cold_periods] * max(missing, 0)
        for _ in range(max(-missing, 0)):
            if coming:
                coming.pop()
            else:
                working -= 1
        machine.in_service(now, working)
        desired.append(machine.desired)
    assert len(set(desired[-500:])) == 1
