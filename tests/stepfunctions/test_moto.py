"""moto's interpreter as the local cloud runs it: it departs from AWS nowhere this flow would notice."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from local_aws.states import executions
from tests.patience import PATIENCE, until
from tests.stepfunctions.cloud import Cloud, Script, job

PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


def make(cloud: Cloud, flow: dict[str, Any]) -> str:
    role = "arn:aws:iam::123456789012:role/states"
    made = cloud.states.create_state_machine(
        name=uuid4().hex, definition=json.dumps({"StartAt": next(iter(flow["States"])), **flow}), roleArn=role
    )
    return str(made["stateMachineArn"])


def start(cloud: Cloud, machine: str, name: str, **told: object) -> str:
    asked = json.dumps({"job_id": "none", **told})
    return str(cloud.states.start_execution(stateMachineArn=machine, name=name, input=asked)["executionArn"])


def refused(call: Any, **arguments: object) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return str(refusal.value.response["Error"]["Code"])


def callback(cloud: Cloud, script: Script, **changes: object) -> str:
    """A machine of one state that waits for its token."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:Dispatch",
            "Payload": {"job.$": "$", "stage": "ocr", "token.$": "$$.Task.Token"},
        },
        "TimeoutSeconds": 20,
        "HeartbeatSeconds": 10,
        "End": True,
        **changes,
    }
    return cloud.start(make(cloud, {"States": {"Wait for it": state}}), job(), script)


def token(script: Script, number: int = 0) -> str:
    until(lambda: len(script.calls["Dispatch"]) > number)
    return str(script.calls["Dispatch"][number]["token"])


def silent() -> Script:
    return Script(dispatch=lambda _: None)


def test_one_name_starts_one_execution_however_many_ask_at_once(cloud: Cloud) -> None:
    machine = make(cloud, WAIT)
    with ThreadPoolExecutor(16) as pool:
        arns = list(pool.map(lambda _: start(cloud, machine, "same"), range(32)))
    assert len(set(arns)) == 1
    assert len(cloud.states.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_name_is_taken_for_another_input_and_after_the_end(cloud: Cloud) -> None:
    running, ended = make(cloud, WAIT), make(cloud, PASS)
    start(cloud, running, "same")
    cloud.wait(start(cloud, ended, "same"))
    for machine, asked in ((running, '{"other": 1}'), (ended, '{"job_id": "none"}')):
        arguments = {"stateMachineArn": machine, "name": "same", "input": asked}
        assert refused(cloud.states.start_execution, **arguments) == "ExecutionAlreadyExists"


def test_names_and_inputs_have_bounds(cloud: Cloud) -> None:
    machine = make(cloud, PASS)
    assert cloud.states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    ask = cloud.states.start_execution
    assert refused(ask, stateMachineArn=machine, name="a b", input="{}") == "InvalidName"
    long = json.dumps("x" * 262_144)
    assert refused(ask, stateMachineArn=machine, name="long", input=long) == "InvalidExecutionInput"


def test_a_token_has_full_length_and_is_answered_once(cloud: Cloud) -> None:
    script = silent()
    execution = callback(cloud, script)
    given = token(script)
    assert len(given) == 2_048
    cloud.states.send_task_heartbeat(taskToken=given)
    cloud.states.send_task_success(taskToken=given, output='{"first": true}')
    for call, arguments in (
        (cloud.states.send_task_success, {"output": "{}"}),
        (cloud.states.send_task_failure, {"error": "PermanentError"}),
        (cloud.states.send_task_heartbeat, {}),
    ):
        assert refused(call, taskToken=given, **arguments) == "TaskTimedOut"
    assert json.loads(cloud.wait(execution).description["output"]) == {"first": True}


def test_a_token_that_nobody_gave_out_is_invalid(cloud: Cloud) -> None:
    assert refused(cloud.states.send_task_success, taskToken="made up", output="{}") == "InvalidToken"
    assert refused(cloud.states.send_task_heartbeat, taskToken="x" * 2_048) == "InvalidToken"


def test_an_output_that_is_no_json_is_refused_and_the_task_waits_on(cloud: Cloud) -> None:
    script = silent()
    execution = callback(cloud, script)
    given = token(script)
    assert refused(cloud.states.send_task_success, taskToken=given, output="{") == "InvalidOutput"
    cloud.states.send_task_success(taskToken=given, output="{}")
    assert cloud.wait(execution).status == "SUCCEEDED"


def test_a_failure_keeps_its_error_and_cause(cloud: Cloud) -> None:
    script = silent()
    execution = callback(cloud, script)
    cloud.states.send_task_failure(
        taskToken=token(script), error="PermanentError", cause='{"code": "INTERNAL"}'
    )
    described = cloud.wait(execution).description
    assert (described["error"], described["cause"]) == ("PermanentError", '{"code": "INTERNAL"}')


def test_heartbeats_do_not_put_off_the_timeout(cloud: Cloud) -> None:
    script = silent()
    execution = callback(cloud, script, TimeoutSeconds=8, HeartbeatSeconds=7)
    given = token(script)

    def beat_on() -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            cloud.states.send_task_heartbeat(taskToken=given)
            time.sleep(0.1)

    assert refused(beat_on) == "TaskTimedOut"
    assert cloud.wait(execution).description["error"] == "States.Timeout"


def test_a_stopped_branch_waits_no_longer(cloud: Cloud) -> None:
    """Text detection fails while region detection still waits: its token is of no use any more."""
    script = Script()

    def dispatch(task: dict[str, Any]) -> None:
        if task["stage"] == "text_detection":
            cloud.fail(task, "PermanentError")

    script.dispatch = dispatch
    assert cloud.run(cloud.machine(), job(), script).status == "SUCCEEDED"
    [waiting] = script.stages("region_detection")
    assert refused(cloud.states.send_task_success, taskToken=waiting["token"], output="{}") == "TaskTimedOut"


def test_a_state_above_256_kib_fails(cloud: Cloud) -> None:
    script = Script(validation=lambda _: {"detail_type": "x" * 262_144, "source": "s", "detail": {}})
    ended = cloud.run(cloud.machine(), job(), script)
    assert ended.status == "FAILED"
    assert "States.DataLimitExceeded" in ended.production[0]["detail"]["error"]["message"]


def test_a_history_ends_at_its_limit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions, "MOST_EVENTS", 100)
    turn = {"Type": "Pass", "Next": "Other turn"}
    machine = make(cloud, {"States": {"Turn": turn, "Other turn": {**turn, "Next": "Turn"}}})
    ended = cloud.wait(start(cloud, machine, "endless"))
    assert ended.status == "FAILED"
    assert "history events" in ended.description["cause"]
    assert len(ended.history) <= 100


def distributed(**changes: object) -> dict[str, Any]:
    checked = {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.item", "NumericEquals": 0, "Next": "Fail"}],
            "Default": "Pass",
        },
        "Fail": {"Type": "Fail", "Error": "Unlucky"},
        "Pass": {"Type": "Succeed", "OutputPath": "$.item"},
    }
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "States": checked}
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"item.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"StartAt": "Check", **processor},
        "End": True,
        **changes,
    }
    return {"States": {"Map": state}}


def test_one_worker_maps_more_items_than_the_stack_is_deep(cloud: Cloud) -> None:
    items = list(range(1, 1_101))
    ended = cloud.wait(start(cloud, make(cloud, distributed(MaxConcurrency=1)), "deep", items=items))
    assert json.loads(ended.description["output"]) == items
    assert len(ended.history) < 20


@pytest.mark.parametrize(
    ("tolerated", "status"), [(100.0, "SUCCEEDED"), (50.0, "SUCCEEDED"), (49.0, "FAILED")]
)
def test_a_map_fails_when_more_items_fail_than_are_tolerated(
    cloud: Cloud, tolerated: float, status: str
) -> None:
    machine = make(cloud, distributed(ToleratedFailurePercentage=tolerated))
    ended = cloud.wait(start(cloud, machine, "tolerant", items=[0, 1]))
    assert ended.status == status
    if status == "FAILED":
        assert ended.description["error"] == "States.ExceedToleratedFailureThreshold"


def test_a_map_of_nothing_succeeds(cloud: Cloud) -> None:
    assert cloud.wait(start(cloud, make(cloud, distributed()), "empty", items=[])).status == "SUCCEEDED"


def test_a_stopped_execution_ends_though_its_tasks_wait(cloud: Cloud) -> None:
    script = silent()
    execution = cloud.start(cloud.machine(), job(), script)
    given = token(script)
    cloud.states.stop_execution(executionArn=execution)
    assert cloud.wait(execution).status == "ABORTED"
    assert refused(cloud.states.send_task_success, taskToken=given, output="{}") == "TaskTimedOut"


def test_a_stop_is_seen_at_once_however_early_it_comes(cloud: Cloud) -> None:
    machine = make(cloud, WAIT)
    for number in range(20):
        execution = start(cloud, machine, f"stopped-{number}")
        told = cloud.states.stop_execution(executionArn=execution, error="Enough", cause=f"number {number}")
        described = cloud.states.describe_execution(executionArn=execution)
        assert described["status"] == "ABORTED"
        assert (described["error"], described["cause"]) == ("Enough", f"number {number}")
        assert described["stopDate"] == told["stopDate"]


def test_a_stop_changes_nothing_about_what_has_ended(cloud: Cloud) -> None:
    ended = cloud.wait(start(cloud, make(cloud, PASS), "ended"))
    cloud.states.stop_execution(executionArn=ended.description["executionArn"], cause="too late")
    assert (
        cloud.states.describe_execution(executionArn=ended.description["executionArn"])["status"]
        == "SUCCEEDED"
    )
