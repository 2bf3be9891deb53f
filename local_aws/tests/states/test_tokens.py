"""Tasks that wait for their token."""

from __future__ import annotations

import json
import time

import pytest

from local_aws.tests.patience import PATIENCE
from local_aws.tests.states.machines import Machines, callback, refused

UNLUCKY = {"Fail": {"Type": "Fail", "Error": "Unlucky"}}


def test_a_token_has_full_length_and_is_answered_once(machines: Machines) -> None:
    execution = machines.callback()
    token = machines.token()
    assert len(token) == 2_048
    machines.api.send_task_heartbeat(taskToken=token)
    machines.api.send_task_success(taskToken=token, output='{"first": true}')
    for call, arguments in (
        (machines.api.send_task_success, {"output": "{}"}),
        (machines.api.send_task_failure, {"error": "PermanentError"}),
        (machines.api.send_task_heartbeat, {}),
    ):
        assert refused(call, taskToken=token, **arguments) == "TaskTimedOut"
    assert json.loads(machines.wait(execution)["output"]) == {"first": True}


@pytest.mark.parametrize("token", ["made up", "x" * 2_048])
def test_a_token_that_nobody_gave_out_is_invalid(machines: Machines, token: str) -> None:
    assert refused(machines.api.send_task_success, taskToken=token, output="{}") == "InvalidToken"
    assert refused(machines.api.send_task_heartbeat, taskToken=token) == "InvalidToken"


@pytest.mark.parametrize("output", ["{", json.dumps("x" * 262_144)])
def test_an_output_that_cannot_be_is_refused_and_the_task_waits_on(machines: Machines, output: str) -> None:
    execution = machines.callback()
    token = machines.token()
    assert refused(machines.api.send_task_success, taskToken=token, output=output) == "InvalidOutput"
    machines.api.send_task_success(taskToken=token, output="{}")
    assert machines.wait(execution)["status"] == "SUCCEEDED"


def test_a_failure_keeps_its_error_and_cause(machines: Machines) -> None:
    execution = machines.callback()
    machines.api.send_task_failure(taskToken=machines.token(), error="E", cause='{"code": "INTERNAL"}')
    ended = machines.wait(execution)
    assert (ended["error"], ended["cause"]) == ("E", '{"code": "INTERNAL"}')


def test_each_attempt_has_a_token_of_its_own(machines: Machines) -> None:
    retry = {"ErrorEquals": ["E"], "IntervalSeconds": 60, "MaxAttempts": 2}
    execution = machines.callback(Retry=[retry])
    first = machines.token()
    machines.api.send_task_failure(taskToken=first, error="E")
    second = machines.token()
    assert refused(machines.api.send_task_success, taskToken=first, output="{}") == "TaskTimedOut"
    machines.api.send_task_success(taskToken=second, output="{}")
    assert machines.wait(execution)["status"] == "SUCCEEDED"


def test_heartbeats_do_not_put_off_the_timeout(machines: Machines) -> None:
    execution = machines.callback(TimeoutSeconds=8, HeartbeatSeconds=7)
    token = machines.token()

    def beat_on() -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            machines.api.send_task_heartbeat(taskToken=token)
            time.sleep(0.1)

    assert refused(beat_on) == "TaskTimedOut"
    assert machines.wait(execution)["error"] == "States.Timeout"


def test_a_stopped_execution_ends_though_its_task_waits(machines: Machines) -> None:
    execution = machines.callback()
    token = machines.token()
    machines.api.stop_execution(executionArn=execution)
    assert machines.describe(execution)["status"] == "ABORTED"
    assert refused(machines.api.send_task_success, taskToken=token, output="{}") == "TaskTimedOut"


def test_a_branch_whose_sibling_failed_waits_no_longer(machines: Machines) -> None:
    waiting = {"StartAt": "Callback", "States": {"Callback": callback(machines.queue_url)}}
    failing = {"StartAt": "Callback", "States": {"Callback": callback(machines.queue_url, Next="Fail")}}
    del failing["States"]["Callback"]["End"]  # type: ignore[attr-defined]
    failing["States"] |= UNLUCKY  # type: ignore[operator]
    states = {"Both": {"Type": "Parallel", "Branches": [waiting, failing], "End": True}}
    execution = machines.start(machines.make(states))
    first, second = machines.token(), machines.token()
    machines.api.send_task_failure(taskToken=first, error="Unlucky")
    assert machines.wait(execution)["error"] == "Unlucky"
    assert refused(machines.api.send_task_success, taskToken=second, output="{}") == "TaskTimedOut"
