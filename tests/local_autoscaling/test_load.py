"""How `hybrid-ocr load` measures and compares, on what a local cloud might have told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from typer.testing import CliRunner

from autoscaling import load_report
from autoscaling.load import Passed, arrival_times, document
from autoscaling.load_report import Scaling, agreement, simulated, steps
from autoscaling.policies import load_policies
from autoscaling.simulation.events import Work
from autoscaling.simulation.model import STAGES
from hybrid_ocr.cli import app
from hybrid_ocr.commands.load import comparison
from hybrid_ocr.contracts.errors import ConfigurationError, EngineError
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.names import Names

SPEED, START = 60.0, 1_000.0


def told(
    now: float,
    changes: list[tuple[float, int]],
    decisions: list[dict[str, Any]],
    readings: Sequence[tuple[float, float]] = (),
) -> Scaling:
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
    return Scaling(START + now / SPEED, SPEED, now, 60.0, readings, endpoints)


BEFORE = told(30.0, [(0.0, 0)], [])
AFTER = told(
    1_500.0, [(0.0, 0), (360.0, 1), (1_320.0, 0)], [{"at": 60.0, "from": 0, "to": 1, "why": "documents"}]
)
JOBS = ["a" * 32, "b" * 32]
COLD = (360 - 30) / SPEED
"""Seconds of the clock from the first document, which comes at 30, to the instance."""
PASSED = [
    Passed(JOBS[0], submitted=START + 0.5, started=START + 0.6, stopped=START + 0.5 + COLD + 1.0, read=True),
    Passed(JOBS[1], submitted=START + 9.5, started=START + 9.5, stopped=START + 10.5, read=True),
]


class Cloud:
    """A connection to a local cloud that tells of these invocations of each endpoint."""

    names = Names("local")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, visits: Mapping[EndpointStage, list[Any]]) -> None:
        self.told = {
            self.names.endpoint(stage, "async"): list(visits.get(stage, visits["region_detection"]))
            for stage in STAGES
        }
        monkeypatch.setattr(httpx, "get", self._get)

    def client(self, service: str) -> Any:
        assert service == "sts"
        return SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://local"))

    def _get(self, url: str, **_: object) -> httpx.Response:
        assert url == "http://local/_local/invocations"
        return httpx.Response(200, json=self.told)


def visit(job: str, accepted: float, begun: float, answered: float) -> dict[str, Any]:
    times = {"accepted": accepted, "begun": begun, "answered": answered}
    return {"inference_id": f"{job}-1-0-1-3-ocr", **{name: START + at for name, at in times.items()}}


VISITS: dict[EndpointStage, list[Any]] = {
    "region_detection": [
        visit(JOBS[0], 0.7, 6.0, 6.2),
        visit(JOBS[1], 9.6, 9.6, 9.7),
        visit("c" * 32, 1.0, 1.0, 2.0),
    ],
    "text_detection": [visit(JOBS[0], 0.8, 6.1, 6.3), visit(JOBS[1], 9.6, 9.7, 9.9)],
    "ocr": [visit(JOBS[0], 6.4, 6.4, 6.8), visit(JOBS[1], 10.0, 10.0, 10.4)],
}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return steps(cast("Any", Cloud(monkeypatch, VISITS)), PASSED, BEFORE, AFTER)


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
    assert AFTER.starts("ocr", since=0.0) == (300.0,)
    assert BEFORE.starts("ocr", since=0.0) == ()
    two = told(900.0, [(0.0, 0), (360.0, 1), (500.0, 3)], [{"at": 60.0, "from": 0, "to": 3, "why": ""}])
    assert two.starts("ocr", since=0.0) == (300.0, 440.0, 440.0)


def test_gauges_are_read_in_the_simulator_when_the_cloud_read_them(work: Work) -> None:
    """That of 60 saw the first document, or came before it."""
    readings = [(float(due), float(due)) for due in range(10, 1_500, 10)]
    early = [(due, due / 2 - 1) for due, _ in readings[:6]]
    assert AFTER.readings_since(0.0) is None
    punctual, hasty = (replace(AFTER, readings=each) for each in (readings, early))
    assert punctual.readings_since(60.0) == pytest.approx([read for _, read in readings[6:]])
    assert replace(AFTER, readings=readings[7:]).readings_since(60.0) is None  # the first is forgotten
    alike, later = (simulated(after, BEFORE, work).latency[0] for after in (punctual, hasty))
    assert alike == pytest.approx(simulated(AFTER, BEFORE, work).latency[0])
    assert later == pytest.approx(alike + 60.0)


def test_the_seconds_of_each_step_are_those_of_the_document(work: Work) -> None:
    assert work.arrival.tolist() == pytest.approx([30.0, 30.0 + 9 * SPEED])
    assert work.before["region_detection"] / SPEED == pytest.approx([0.2, 0.1])
    assert work.before["text_detection"] / SPEED == pytest.approx([0.3, 0.1])
    assert work.before["ocr"] / SPEED == pytest.approx([0.1, 0.1])
    # From when an instance came, and from when it was accepted: handing it over is part of it.
    assert work.service["text_detection"] / SPEED == pytest.approx([0.3, 0.3])
    assert work.after / SPEED == pytest.approx([COLD + 1.5 - 6.8, 0.1], abs=1e-6)
    assert work.coming.tolist() == pytest.approx([30.0 + 0.1 * SPEED, 30.0 + 9 * SPEED])


def test_the_simulator_agrees_where_the_cloud_did_as_it_should(work: Work) -> None:
    outcome = simulated(AFTER, BEFORE, work)
    # The first comes at 30, the minute ends at 60 and an instance is there at 360: then two stages, what is
    # between them, and what comes after.
    assert outcome.latency[0] / SPEED == pytest.approx(COLD + 0.3 + 0.1 + 0.4 + work.after[0] / SPEED)
    # The second meets instances.
    assert outcome.latency[1] / SPEED == pytest.approx(0.1 + 0.3 + 0.1 + 0.4 + 0.1)


def test_instances_agree_within_a_period_or_do_not(work: Work) -> None:
    outcome = simulated(AFTER, BEFORE, work)
    later = told(1_500.0, [(0.0, 0), (420.0, 1), (1_380.0, 0)], AFTER.endpoints["ocr"]["decisions"])
    for stage in STAGES:
        found = agreement(later, BEFORE, outcome, stage)
        assert found.agreeing == found.periods > 20
    three = told(1_500.0, [(0.0, 0), (360.0, 3)], [])
    assert agreement(three, BEFORE, outcome, "ocr").agreeing < 10


def test_an_invocation_that_the_cloud_does_not_tell_of_is_waited_for_and_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(load_report, "_PATIENCE", 0.2)
    cloud = Cloud(monkeypatch, {**VISITS, "ocr": VISITS["ocr"][:1]})
    with pytest.raises(EngineError, match=r"job bbbb.* not every batch"):
        steps(cast("Any", cloud), PASSED, BEFORE, AFTER)


def test_without_a_start_there_is_nothing_to_compare(work: Work) -> None:
    with pytest.raises(ConfigurationError, match="no endpoint started"):
        simulated(BEFORE, BEFORE, work)


def test_that_there_is_nothing_to_compare_is_told_beside_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    monkeypatch.setattr(load_report, "steps", lambda *_: work)
    cloud = Cloud(monkeypatch, VISITS)
    told = comparison(cast("Any", cloud), BEFORE, BEFORE, PASSED)
    assert set(told) == {"not_compared"}
    assert "no endpoint started" in told["not_compared"]


@pytest.mark.parametrize("duration", ["60", "0s", "-1s", "1d", "s"])
def test_a_duration_without_a_unit_is_refused(duration: str) -> None:
    done = CliRunner().invoke(app, ["load", "--duration", duration])
    assert done.exit_code == 2
    assert "such as 60s" in " ".join(done.output.split())


def test_speed_without_autoscale_is_refused() -> None:
    done = CliRunner().invoke(app, ["up", "--speed", "60"])
    assert done.exit_code == 2
    assert "--autoscale" in done.output
