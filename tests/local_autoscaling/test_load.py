"""How `hybrid-ocr load` measures and compares, on what a local cloud might have told."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from autoscaling.policies import load_policies
from autoscaling.simulation.model import STAGES
from hybrid_ocr.cli import app
from hybrid_ocr.load import Passed, arrival_times, document
from hybrid_ocr.load_report import Scaling, ServiceSeconds, agreement, simulated
from ocr_core.contracts.errors import ConfigurationError

SPEED, START = 60.0, 1_000.0


def told(now: float, changes: list[tuple[float, int]], decisions: list[dict[str, Any]]) -> Scaling:
    policies = load_policies()
    endpoints = {}
    for stage in STAGES:
        policy = policies.of(stage, "async")
        assert policy is not None
        last = changes[-1][1]
        endpoints[stage] = {
            "instances": last,
            "desired": last,
            "min_instances": 0,
            "changes": changes,
            "decisions": decisions,
            "policy": policy.model_dump(mode="json"),
        }
    return Scaling(START + now / SPEED, SPEED, now, 60.0, endpoints)


BEFORE = told(30.0, [(0.0, 0)], [])
AFTER = told(
    1_500.0, [(0.0, 0), (360.0, 1), (1_320.0, 0)], [{"at": 60.0, "from": 0, "to": 1, "why": "documents"}]
)
SERVICES = {stage: ServiceSeconds(model=0.2, total=0.3) for stage in STAGES}
ONE = [Passed("a" * 32, submitted=START + 0.5, started=START + 0.5, stopped=START + 7.0, read=True)]


def test_arrivals_are_those_of_the_seed_within_the_time() -> None:
    times = arrival_times(0.5, 60, seed=3)
    assert times == sorted(times) == arrival_times(0.5, 60, seed=3)
    assert times[0] >= 0
    assert times[-1] < 60
    assert arrival_times(0.001, 1, seed=0)  # never none


def test_a_document_has_the_pages_asked_for() -> None:
    assert document(1).startswith(b"\x89PNG")
    assert document(3)[:2] in {b"II", b"MM"}


def test_a_cold_start_is_from_the_decision_to_the_instance() -> None:
    assert AFTER.start_seconds("ocr", since=0.0) == 300.0
    assert BEFORE.start_seconds("ocr", since=0.0) is None


def test_the_simulator_gets_the_same_document_and_agrees_where_the_cloud_did_as_it_should() -> None:
    outcome = simulated(AFTER, BEFORE, ONE, SERVICES, pages=1, after=0.5)
    # It comes at 30 s, the minute ends at 60, an instance is there at 360; then two stages and what is after.
    assert outcome.percentile(50) / SPEED == pytest.approx((360 - 30) / SPEED + 0.4 + 0.5)
    for stage in STAGES:
        found = agreement(AFTER, BEFORE, outcome, stage)
        assert found.agreeing == found.periods > 20


def test_a_cloud_that_scales_otherwise_does_not_agree() -> None:
    outcome = simulated(AFTER, BEFORE, ONE, SERVICES, pages=1, after=0.5)
    asleep = told(1_500.0, [(0.0, 0), (360.0, 3)], [])
    assert agreement(asleep, BEFORE, outcome, "ocr").agreeing < 10


def test_without_a_start_there_is_nothing_to_compare() -> None:
    with pytest.raises(ConfigurationError, match="no endpoint started"):
        simulated(BEFORE, BEFORE, ONE, SERVICES, pages=1, after=0.0)


@pytest.mark.parametrize("duration", ["60", "0s", "-1s", "1d", "s"])
def test_a_duration_without_a_unit_is_refused(duration: str) -> None:
    done = CliRunner().invoke(app, ["load", "--duration", duration])
    assert done.exit_code == 2
    assert "such as 60s" in " ".join(done.output.split())


def test_speed_without_autoscale_is_refused() -> None:
    done = CliRunner().invoke(app, ["up", "--speed", "60"])
    assert done.exit_code == 2
    assert "--autoscale" in done.output
