"""The flow file and its loader: what can be known without running it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.base import SCHEMA_VERSION
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.events import EVENT_SOURCE, TEST_SOURCE
from stepfunctions import DOCUMENTS, definition
from stepfunctions.rules import broken_rules
from topology.model import load_topology

SUBSTITUTIONS = {
    f"{name}Function": f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    for name in ("Paginate", "Rotation", "Dispatch", "Validation")
} | {"EventBus": "hybrid-ocr-local-documents"}
FLOW: dict[str, Any] = json.loads(definition(SUBSTITUTIONS))
STATES = FLOW["States"]
BATCH = STATES["Read the batches"]["ItemProcessor"]["States"]


def tasks(machine: dict[str, Any] = FLOW) -> Iterator[dict[str, Any]]:
    for state in machine["States"].values():
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from tasks(inner)
        if state["Type"] == "Task":
            yield state


def test_the_flow_keeps_the_rules() -> None:
    assert broken_rules(FLOW) == []
    assert broken_rules(json.loads(files("stepfunctions").joinpath(DOCUMENTS).read_text())) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda s: s["Plan the pages"].pop("TimeoutSeconds"), "needs TimeoutSeconds"),
        (lambda s: s["Plan the pages"].pop("Retry"), "needs Retry"),
        (lambda s: s["Plan the pages"].pop("Catch"), "must end with States.ALL"),
        (lambda s: s["Plan the pages"]["Retry"][0].pop("JitterStrategy"), "needs JitterStrategy FULL"),
        (lambda s: s["Plan the pages"]["Retry"][0].pop("MaxDelaySeconds"), "MaxDelaySeconds"),
        (lambda s: s["Plan the pages"]["Retry"][0]["ErrorEquals"].append("PermanentError"), "never retried"),
        (lambda s: s["Plan the pages"]["Retry"][0]["ErrorEquals"].append("KeyError"), "KeyError is none of"),
        (lambda s: s["Plan the pages"]["Retry"][0]["ErrorEquals"].append("States.ALL"), "stands alone"),
        (lambda s: s["Plan the pages"]["Retry"].append(s["Plan the pages"]["Retry"][0]), "in two retriers"),
        (lambda s: s["Plan the pages"].update(Assign={"x": 1}), "JSONata"),
        (lambda s: s["Plan the pages"].update(Next="Nowhere"), "'Nowhere' is no state"),
        (lambda s: s.update(Alone={"Type": "Succeed"}), "Alone: no state leads here"),
        (lambda s: s.update({"n" * 81: {"Type": "Succeed"}}), "more than 80"),
        (lambda s: s["Read the batches"].pop("Catch"), "Read the batches: its Catch"),
        (
            lambda s: s["Read the batches"]["ItemProcessor"]["States"]["Recognise the text"].update(
                HeartbeatSeconds=90_000
            ),
            "HeartbeatSeconds below",
        ),
    ],
)
def test_a_broken_rule_is_named(spoil: Callable[[dict[str, Any]], object], told: str) -> None:
    flow = copy.deepcopy(FLOW)
    spoil(flow["States"])
    assert any(told in fault for fault in broken_rules(flow))


def test_every_function_and_the_bus_are_substituted() -> None:
    named = {task["Parameters"].get("FunctionName") for task in tasks()} - {None}
    assert named == {arn for name, arn in SUBSTITUTIONS.items() if name != "EventBus"}
    assert "${" not in definition(SUBSTITUTIONS)


@pytest.mark.parametrize(
    "substitutions",
    [
        {name: arn for name, arn in SUBSTITUTIONS.items() if name != "EventBus"},
        {**SUBSTITUTIONS, "Eventbus": "documents"},
        {**SUBSTITUTIONS, "EventBus": ""},
        {**SUBSTITUTIONS, "EventBus": 'bus", "Source": "other'},
    ],
    ids=["missing", "unknown", "empty", "would break out of its string"],
)
def test_wrong_substitutions_are_refused(substitutions: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        definition(substitutions)


@given(st.text(max_size=40))
def test_a_substitution_is_refused_or_arrives_as_it_is(bus: str) -> None:
    try:
        flow = json.loads(definition({**SUBSTITUTIONS, "EventBus": bus}))
    except ConfigurationError:
        return
    [entry] = flow["States"]["Publish the outcome"]["Parameters"]["Entries"]
    assert entry["EventBusName"] == bus


def test_a_task_outlasts_its_function() -> None:
    functions = load_topology().functions
    for task in tasks():
        arn = task["Parameters"].get("FunctionName")
        if arn is not None:
            limit = functions[arn.rpartition(":")[2].lower()].timeout_seconds
            assert task.get("HeartbeatSeconds", task["TimeoutSeconds"]) > limit


def test_a_callback_outlasts_the_endpoints_queue_and_some_lost_sweeps() -> None:
    longest_queue, sweep = 21_600, 60
    for name, endpoint in load_topology().endpoints.items():
        [task] = [t for t in tasks() if t["Parameters"].get("Payload", {}).get("stage") == name]  # type: ignore[union-attr]
        assert task["TimeoutSeconds"] > longest_queue + endpoint.invocation_timeout_seconds
        assert task["HeartbeatSeconds"] >= 3 * sweep


def test_what_the_flow_writes_itself_follows_the_contracts() -> None:
    outcome = STATES["Describe the failure"]["Parameters"]["outcome"]
    assert outcome["detail"]["schema_version"] == SCHEMA_VERSION
    assert outcome["source"] == EVENT_SOURCE
    assert STATES["Mark the event as a test's"]["Result"] == TEST_SOURCE
