"""Small models for the tests of the simulators."""

from __future__ import annotations

import numpy as np

from autoscaling.policies import Policy, Tracking, Wake
from autoscaling.simulation.model import (
    STAGES,
    Arrivals,
    Delays,
    EndpointModel,
    Failures,
    Pipeline,
    ServiceTime,
)

BACKLOG = "ApproximateBacklogSizePerInstance"
SERVICE = ServiceTime(pages=(1, 8), seconds=(1.0, 6.0), variation=0.3)


def policy(target=3.0, *, least=0, most=40, out=120, into=300, wake=True, together=False, schedules=()):
    """An asynchronous endpoint's policy; it has a wake policy where it may sleep."""
    waking = Wake(periods=2, add_instances=1, cooldown_seconds=300, on_documents=together)
    return Policy(
        min_instances=least,
        max_instances=most,
        tracking=Tracking(
            metric=BACKLOG, target=target, scale_out_cooldown_seconds=out, scale_in_cooldown_seconds=into
        ),
        wake=waking if wake and least == 0 else None,
        schedules=schedules,
    )


def fixed(instances):
    """A policy that never changes anything."""
    return policy(least=instances, most=instances)


def pipeline(told, *, service=SERVICE, concurrency=4, delays=None, failures=None, **more):
    """Endpoints alike."""
    endpoint = EndpointModel(
        policy=told,
        service=service,
        concurrency=concurrency,
        delays=delays or Delays(),
        failures=failures or Failures(),
    )
    return Pipeline(endpoints=dict.fromkeys(STAGES, endpoint), **more)


def office_day(documents, *, seed=1, days=1, least=0.05, pages=1):
    """Documents of working days with two humps, each of about so many pages."""
    random = np.random.default_rng(seed)
    second = np.arange(86_400 * days)
    hour = second / 3600 % 24
    rate = least + np.exp(-(((hour - 10) / 2) ** 2)) + np.exp(-(((hour - 15) / 2) ** 2))
    count = random.poisson(documents * days * rate / rate.sum())
    times = np.sort(np.repeat(second, count) + random.random(count.sum()))
    return Arrivals(times, random.geometric(1 / pages, len(times)), 86_400.0 * days)


def arrivals(times, pages=1, duration=None):
    """Documents at these seconds."""
    times = np.asarray(times, dtype=np.float64)
    return Arrivals(times, np.full(len(times), pages), duration or float(times[-1]) + 1)
