"""The event simulator against exact results of queueing theory, with mean service 1."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal, localcontext

import numpy as np
import pytest

from autoscaling.simulation.fleet import Fleet
from autoscaling.simulation.model import EndpointModel, ServiceTime
from autoscaling.simulation.serving import serve
from tests.autoscaling.builders import fixed

MEAN_WITHIN, P95_WITHIN = 0.02, 0.03
START = datetime(2026, 1, 5, tzinfo=UTC)


def erlang_c(servers, load):
    """The probability that an arrival waits, of `servers` offered `load` Erlang."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def exponential_waits(servers, utilisation):
    """Mean and 95th percentile of the wait of M/M/c."""
    waits = erlang_c(servers, servers * utilisation)
    rate = servers * (1 - utilisation)
    return waits / rate, max(math.log(waits / 0.05), 0.0) / rate


def constant_waits(utilisation):
    """Mean and 95th percentile of the wait of M/D/1 (Erlang's alternating sum, in 120 digits)."""
    with localcontext() as context:
        context.prec = 120
        rate = Decimal(repr(utilisation))

        def waits_longer(time):
            total = Decimal(0)
            for done in range(int(time) + 1):
                past = rate * (time - done)
                total += (-past) ** done / math.factorial(done) * past.exp() if done else past.exp()
            return 1 - (1 - rate) * total

        low, high = Decimal(0), Decimal(200)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if waits_longer(middle) > Decimal("0.05") else (low, middle)
        return utilisation / (2 * (1 - utilisation)), float(high)


def simulated_waits(servers, utilisation, service, customers, *, instances=1):
    """Mean and 95th percentile of the wait, over runs of a million customers at most."""
    random = np.random.default_rng(7)
    model = EndpointModel(policy=fixed(instances), service=service, concurrency=servers // instances)
    waits = []
    while sum(map(len, waits)) < customers:
        count = min(customers, 1_000_000)
        times = np.cumsum(random.exponential(1 / (servers * utilisation), count))
        work = service.draw(np.ones(count), random)
        fleet = Fleet(model, START, random)
        passage = serve(model, times, work, fleet=fleet, duration_seconds=float(times[-1])).passage
        waits.append((passage.finish - passage.service - passage.arrival).astype(np.float32))
    found = np.concatenate(waits)
    return float(found.mean(dtype=np.float64)), float(np.percentile(found, 95))


def check(found, exact):
    assert found[0] == pytest.approx(exact[0], rel=MEAN_WITHIN)
    assert found[1] == pytest.approx(exact[1], rel=P95_WITHIN, abs=1e-4)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.3), (1, 0.6), (2, 0.6)])
def test_exponential_service(servers, utilisation):
    found = simulated_waits(servers, utilisation, ServiceTime.exponential(1.0), 1_000_000)
    check(found, exponential_waits(servers, utilisation))


@pytest.mark.parametrize("utilisation", [0.3, 0.7])
def test_constant_service(utilisation):
    check(simulated_waits(1, utilisation, ServiceTime.constant(1.0), 1_000_000), constant_waits(utilisation))


def test_several_instances_are_one_queue():
    found = simulated_waits(2, 0.6, ServiceTime.exponential(1.0), 1_000_000, instances=2)
    check(found, exponential_waits(2, 0.6))


def test_service_of_any_variation_has_the_mean_of_pollaczek_and_khinchine():
    found, _ = simulated_waits(1, 0.5, ServiceTime((1, 2), (1.0, 1.0), variation=0.4), 1_000_000)
    assert found == pytest.approx(0.5 * (1 + 0.4**2) / (2 * 0.5), rel=MEAN_WITHIN)


# Near saturation waits hang together for long, with many slots they are rare: so many customers bring the
# standard error to about half a percent.
CUSTOMERS = {
    0.3: 10_000_000,
    0.5: 10_000_000,
    0.7: 15_000_000,
    0.8: 34_000_000,
    0.9: 40_000_000,
    0.95: 80_000_000,
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("utilisation", CUSTOMERS)
@pytest.mark.parametrize("servers", [1, 4, 16])
def test_the_whole_grid_of_exponential_service(servers, utilisation, request):
    if not request.config.getoption("--soak"):
        pytest.skip("takes minutes: --soak")
    exact = exponential_waits(servers, utilisation)
    if exact[0] < 1e-2:
        pytest.skip("hardly anybody waits")
    check(simulated_waits(servers, utilisation, ServiceTime.exponential(1.0), CUSTOMERS[utilisation]), exact)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("utilisation", CUSTOMERS)
def test_the_whole_grid_of_constant_service(utilisation, request):
    if not request.config.getoption("--soak"):
        pytest.skip("takes minutes: --soak")
    found = simulated_waits(1, utilisation, ServiceTime.constant(1.0), CUSTOMERS[utilisation])
    check(found, constant_waits(utilisation))
