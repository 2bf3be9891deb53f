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

from hybrid_ocr.contracts.errors import ConfigurationError
from stepfunctions import DOCUMENTS, definition
from stepfunctions.rules import broken_rules
from topology.model import load_topology

SUBSTITUTIONS = {
    f"{name}Function": f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    for name in ("Paginate", "Rotation", "Dispatch", "Validation", "Conclude")
}
FLOW: dict[str, Any] = json.loads(definition(SUBSTITUTIONS))
STATES = FLOW["States"]
BATCH = STATES["Read the batches"]["ItemProcessor"]["States"]


def tasks(machine: dict[str, Any] = FLOW) -> Iterator[dict[str, Any]]:
    for state in machine["States"].values():
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from tasks(inner)
        if state["Type"] == "Task":
            yield state


BATCH_TASKS = list(tasks(STATES["Read the batches"]["ItemProcessor"]))


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


def test_every_function_is_substituted() -> None:
    named = {task["Parameters"].get("FunctionName") for task in tasks()} - {None}
    assert named == set(SUBSTITUTIONS.values())
    assert "${" not in definition(SUBSTITUTIONS)


@pytest.mark.parametrize(
    "substitutions",
    [
        {name: arn for name, arn in SUBSTITUTIONS.items() if name != "ConcludeFunction"},
        {**SUBSTITUTIONS, "Concludefunction": "conclude"},
        {**SUBSTITUTIONS, "ConcludeFunction": ""},
        {**SUBSTITUTIONS, "ConcludeFunction": 'conclude", "Qualifier": "other'},
    ],
    ids=["missing", "unknown", "empty", "would break out of its string"],
)
def test_wrong_substitutions_are_refused(substitutions: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        definition(substitutions)


@given(st.text(max_size=40))
def test_a_substitution_is_refused_or_arrives_as_it_is(function: str) -> None:
    try:
        flow = json.loads(definition({**SUBSTITUTIONS, "ConcludeFunction": function}))
    except ConfigurationError:
        return
    assert flow["States"]["Conclude the job"]["Parameters"]["FunctionName"] == function


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


def test_all_retries_of_busy_functions_fit_into_one_history() -> None:
    """So a document waits for functions as long as its execution can: an attempt is three events."""
    document = [task["Retry"][0] for task in tasks() if task not in BATCH_TASKS]
    document += 2 * [STATES["Plan the pages"]["Retry"][0]]  # which is run again after each round
    for retries in (document, [task["Retry"][0] for task in BATCH_TASKS]):
        assert all("Lambda.TooManyRequestsException" in retry["ErrorEquals"] for retry in retries)
        assert 3 * sum(retry["MaxAttempts"] for retry in retries) < 24_000
        half_a_day = 12 * 3_600
        assert all(retry["MaxAttempts"] * retry["MaxDelaySeconds"] / 2 > half_a_day for retry in retries)
