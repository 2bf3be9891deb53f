"""`python -m autoscaling.bench`: how long the simulator by flow takes.

A week of 100 million pages on one core; and a month of office hours under many policies on several.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from statistics import median

import numpy as np

from autoscaling.policies import Policies, Policy, Tracking, load_policies
from autoscaling.scenario import Scenario
from autoscaling.service_times import load_service_times
from autoscaling.simulation.flow import simulate_flow
from autoscaling.simulation.model import STAGES, Volumes
from autoscaling.traffic import generate, load_traffic

_PAGES = 100e6
_POLICIES, _PROCESSES = 200, 2


def week_of(pages: float) -> Volumes:
    """A week of office hours with so many pages in all."""
    volumes = _office_hours(7)
    factor = pages / volumes.pages.sum()
    return replace(volumes, documents=volumes.documents * factor, pages=volumes.pages * factor)


def drawn(number: int, most: int = 40) -> Scenario:
    """The production deployment under asynchronous policies that this number stands for."""
    random = np.random.default_rng(number)
    scenario = Scenario(load_policies(), load_service_times())

    def policy(usual: Policy) -> Policy:
        least = int(random.integers(0, 3))
        return Policy(
            min_instances=least,
            max_instances=int(random.integers(max(least, 1), most + 1)),
            tracking=Tracking(
                metric="ApproximateBacklogSizePerInstance",
                target=float(random.uniform(1.0, 8.0)),
                scale_out_cooldown_seconds=int(random.choice([60, 120, 300])),
                scale_in_cooldown_seconds=int(random.choice([120, 300, 600, 1800])),
            ),
            wake=usual.wake,
        )

    by_stage = {}
    for stage in STAGES:
        modes = getattr(scenario.policies, stage)
        by_stage[stage] = {**modes, "async": policy(modes["async"])}
    return replace(scenario, policies=Policies(**by_stage))


def main() -> int:
    """Measure both and print them."""
    argparse.ArgumentParser(prog="python -m autoscaling.bench", description=__doc__).parse_args()
    volumes = week_of(_PAGES)
    seconds = median(_cpu_seconds(drawn(number, most=400), volumes) for number in range(5))
    print(f"a week of {volumes.pages.sum():,.0f} pages: {seconds:.2f} CPU seconds, median of 5 policies")
    _office_hours(30)  # forked with the processes
    began = time.monotonic()
    with ProcessPoolExecutor(_PROCESSES) as pool:
        p95 = list(pool.map(_p95_over_a_month, range(_POLICIES), chunksize=5))
    seconds = time.monotonic() - began
    print(f"a month under {len(p95)} policies: {seconds:.0f} s on {_PROCESSES} processes")
    print(f"p95 of these: {min(p95):.0f} to {max(p95):.0f} s")
    return 0


@cache
def _office_hours(days: int) -> Volumes:
    return generate(load_traffic()["office-hours"].model_copy(update={"days": days})).volumes()


def _p95_over_a_month(number: int) -> float:
    return simulate_flow(drawn(number).pipeline(), _office_hours(30)).percentile(95)


def _cpu_seconds(scenario: Scenario, volumes: Volumes) -> float:
    began = time.process_time()
    simulate_flow(scenario.pipeline(), volumes)
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
