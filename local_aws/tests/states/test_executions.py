"""Executions: how they start and end, and what is answered about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local_aws.states import executions
from local_aws.tests.patience import until
from local_aws.tests.states.machines import PASS, WAIT, Machines, distributed, refused

FOREVER = {
    "Turn": {"Type": "Pass", "Next": "Other turn"},
    "Other turn": {"Type": "Pass", "Next": "Turn"},
}


def test_one_name_starts_one_execution_however_many_ask_at_once(machines: Machines) -> None:
    machine = machines.make(WAIT)
    with ThreadPoolExecutor(16) as pool:
        arns = list(pool.map(lambda _: machines.start(machine, "same"), range(32)))
    assert len(set(arns)) == 1
    assert len(machines.api.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_name_is_taken_for_another_input_and_after_the_end(machines: Machines) -> None:
    running, ended = machines.make(WAIT), machines.make(PASS)
    machines.start(running, "same")
    machines.wait(machines.start(ended, "same"))
    for machine, given in ((running, '{"other": 1}'), (ended, "{}")):
        arguments = {"stateMachineArn": machine, "name": "same", "input": given}
        assert refused(machines.api.start_execution, **arguments) == "ExecutionAlreadyExists"


def test_names_and_inputs_have_bounds(machines: Machines) -> None:
    machine, start = machines.make(PASS), machines.api.start_execution
    assert start(stateMachineArn=machine, input="{}")["executionArn"]
    assert refused(start, stateMachineArn=machine, name="a b", input="{}") == "InvalidName"
    long = json.dumps("x" * 262_144)
    assert refused(start, stateMachineArn=machine, name="long", input=long) == "InvalidExecutionInput"


def test_a_history_ends_at_its_limit(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "MOST_EVENTS", 100)
    ended = machines.run(FOREVER)
    assert ended["status"] == "FAILED"
    assert "history events" in ended["cause"]
    assert len(machines.events(ended["executionArn"])) <= 100


def test_a_stop_is_seen_at_once_however_early_it_comes(machines: Machines) -> None:
    machine = machines.make(WAIT)
    for number in range(20):
        execution = machines.start(machine)
        stop = machines.api.stop_execution(executionArn=execution, error="Enough", cause=f"number {number}")
        described = machines.describe(execution)
        assert described["status"] == "ABORTED"
        assert (described["error"], described["cause"]) == ("Enough", f"number {number}")
        assert described["stopDate"] == stop["stopDate"]


def test_the_stop_is_the_last_event_of_the_history(machines: Machines) -> None:
    execution = machines.start(machines.make(FOREVER))
    ask = machines.api.get_execution_history
    until(lambda: len(ask(executionArn=execution, maxResults=10)["events"]) == 10)
    machines.api.stop_execution(executionArn=execution, error="Enough", cause="of it")
    newest = ask(executionArn=execution, reverseOrder=True, maxResults=1)
    [event] = newest["events"]
    assert event["type"] == "ExecutionAborted"
    assert event["executionAbortedEventDetails"] == {"error": "Enough", "cause": "of it"}
    first = machines.events(execution)
    machines.api.stop_execution(executionArn=execution)  # once more changes nothing
    assert machines.events(execution) == first
    assert first.count("ExecutionAborted") == 1


def test_a_stop_changes_nothing_about_what_has_ended(machines: Machines) -> None:
    execution = machines.run(PASS)["executionArn"]
    machines.api.stop_execution(executionArn=execution, cause="too late")
    assert machines.describe(execution)["status"] == "SUCCEEDED"
    assert machines.events(execution)[-1] == "ExecutionSucceeded"


def test_what_takes_too_long_times_out_with_date_and_event(machines: Machines) -> None:
    machine = machines.make(WAIT, TimeoutSeconds=1)
    ended = machines.wait(machines.start(machine))
    assert ended["status"] == "TIMED_OUT"
    assert machines.events(ended["executionArn"])[-1] == "ExecutionTimedOut"
    [listed] = machines.api.list_executions(stateMachineArn=machine)["executions"]
    assert listed["stopDate"] == ended["stopDate"]


def test_a_history_is_read_in_pages_from_either_end(machines: Machines) -> None:
    states = {f"{n}": {"Type": "Pass", "Next": f"{n + 1}"} for n in range(60)} | {"60": {"Type": "Succeed"}}
    execution = machines.run(states)["executionArn"]
    history = machines.events(execution)
    assert len(history) == 2 + 2 * 61  # and no page has more than 100 unless asked for
    assert history[0] == "ExecutionStarted"
    for options in ({}, {"PaginationConfig": {"PageSize": 7}}):
        assert machines.events(execution, reverseOrder=True, **options) == history[::-1]
        assert machines.events(execution, **options) == history
    few = machines.events(execution, reverseOrder=True, PaginationConfig={"MaxItems": 2})
    assert few == ["ExecutionSucceeded", "SucceedStateExited"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"maxResults": 1_001}, "ValidationException"),
        ({"nextToken": "none"}, "InvalidToken"),
    ],
)
def test_a_page_that_cannot_be_is_refused(machines: Machines, options: dict[str, Any], code: str) -> None:
    execution = machines.run(PASS)["executionArn"]
    assert refused(machines.api.get_execution_history, executionArn=execution, **options) == code
    machine = machines.describe(execution)["stateMachineArn"]
    assert refused(machines.api.list_executions, stateMachineArn=machine, **options) == code


def test_executions_are_listed_newest_first_by_status_and_in_pages(machines: Machines) -> None:
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fails", "BooleanEquals": True, "Next": "Fail"}],
            "Default": "Succeed",
        },
        "Fail": {"Type": "Fail"},
        "Succeed": {"Type": "Succeed"},
    }
    machine = machines.make(states)
    for number in range(6):
        machines.wait(machines.start(machine, f"x{number}", fails=number % 2 == 0))

    def names(**options: Any) -> list[str]:
        pages = machines.api.get_paginator("list_executions").paginate(stateMachineArn=machine, **options)
        return [execution["name"] for page in pages for execution in page["executions"]]

    assert names() == ["x5", "x4", "x3", "x2", "x1", "x0"]
    assert names(statusFilter="FAILED") == ["x4", "x2", "x0"]
    assert names(statusFilter="SUCCEEDED", PaginationConfig={"PageSize": 1}) == ["x5", "x3", "x1"]
    assert names(PaginationConfig={"MaxItems": 2}) == ["x5", "x4"]


def test_input_and_output_are_json_as_they_came(machines: Machines) -> None:
    ended = machines.run({"Pass": {"Type": "Pass", "Result": "text", "End": True}}, a=[1])
    assert (ended["input"], ended["output"]) == ('{"a": [1]}', '"text"')


def test_what_is_not_served_is_refused(machines: Machines) -> None:
    execution = machines.run(distributed(), items=[1])["executionArn"]
    [run] = machines.api.list_map_runs(executionArn=execution)["mapRuns"]
    version = machines.api.create_state_machine(
        name="published",
        definition=json.dumps({"StartAt": "Pass", "States": PASS}),
        roleArn="arn:aws:iam::123456789012:role/r",
        publish=True,
    )
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (machines.api.list_executions, {"mapRunArn": run["mapRunArn"]}),
        (
            machines.api.get_execution_history,
            {"executionArn": execution, "includeExecutionData": False},
        ),
        (machines.api.update_map_run, {"mapRunArn": run["mapRunArn"], "maxConcurrency": 1}),
        (machines.api.create_activity, {"name": "activity"}),
        (machines.api.start_execution, {"stateMachineArn": version["stateMachineVersionArn"]}),
        (machines.api.redrive_execution, {"executionArn": execution}),
    ]
    for call, arguments in calls:
        assert refused(call, **arguments) == "NotImplemented"
