"""Probes of the seams of the States Language's interpreter."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, patch

import botocore.session
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.component.eval_component import LOG
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
    StateTaskServiceSqs,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from local_aws import LocalAws
from local_aws.account import ACCOUNT, REGION
from local_aws.states import executions
from local_aws.states.seams import ASL, PARSER, RESPONSES, STATES
from local_aws.states.tokens import TOKEN_LENGTH
from local_aws.tests.patience import until
from local_aws.tests.probes import probe
from local_aws.tests.states.machines import PASS, WAIT, Machines, distributed

_MAP = f"{STATES}.exec.state_map.iteration"
_CALLBACK = f"{STATES}.exec.state_task.service.state_task_service_callback:StateTaskServiceCallback"


def error_code(call: Any, **arguments: Any) -> str | None:
    """Of the error that a call is answered with, if it is."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@probe(f"{PARSER}.models:StepFunctionsParserBackend.start_execution")
def a_name_has_no_blank(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    start = machines.api.start_execution
    return error_code(start, stateMachineArn=machines.make(PASS), name="a b") == "InvalidName"


@probe(f"{STATES}.state:CommonStateField._eval_body")
def a_history_has_an_end(aws: LocalAws) -> bool:
    states = {f"{number}": {"Type": "Pass", "Next": f"{number + 1}"} for number in range(20)}
    with patch.object(executions, "MOST_EVENTS", 20):
        return bool(Machines(aws.server).run(states | {"20": {"Type": "Succeed"}})["status"] == "FAILED")


@probe(f"{PARSER}.backend.execution:BaseExecutionWorkerCommunication._reflect_execution_status")
def a_stop_has_one_date(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    execution = machines.callback()
    machines.token()  # from here on the state looks once a second whether it was stopped
    machines.api.stop_execution(executionArn=execution)
    stopped = machines.describe(execution)["stopDate"]
    until(lambda: not any(thread.is_alive() for thread in TMP_THREADS))
    return bool(machines.describe(execution)["stopDate"] == stopped)


@probe(f"{PARSER}.backend.execution:Execution.status")
def an_execution_that_is_just_starting_is_running(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    machine = machines.make(PASS)
    with patch.object(Execution, "start", lambda _: None):
        machines.start(machine)
    try:
        [found] = machines.api.list_executions(stateMachineArn=machine)["executions"]
    except ClientError:
        return False
    return bool(found["status"] == "RUNNING")


@probe(f"{ASL}.eval.environment:Environment.set_stop")
def a_wait_that_begins_after_the_stop_ends(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    execution = machines.start(machines.make(WAIT))
    machines.api.stop_execution(executionArn=execution)
    found: Any = stepfunctions_parser_backends[ACCOUNT][REGION].describe_execution(execution)
    return bool(found.exec_worker.env.program_state_event.is_set())


@probe(f"{RESPONSES}.stop_execution")
def a_stop_has_an_error_and_a_cause(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    execution = machines.callback()
    machines.token()
    machines.api.stop_execution(executionArn=execution, error="Enough", cause="of it")
    described = machines.describe(execution)
    return (described.get("error"), described.get("cause")) == ("Enough", "of it")


@probe(f"{RESPONSES}.describe_execution")
def an_output_is_json(aws: LocalAws) -> bool:
    described = Machines(aws.server).run({"Pass": {"Type": "Pass", "Result": "text", "End": True}})
    return bool(described["output"] == '"text"')


@probe(f"{RESPONSES}.list_executions")
def what_timed_out_has_a_stop_date(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    machine = machines.make(WAIT, TimeoutSeconds=1)
    machines.wait(machines.start(machine))
    [found] = machines.api.list_executions(stateMachineArn=machine)["executions"]
    return "stopDate" in found


@probe(f"{RESPONSES}.get_execution_history")
def a_history_comes_in_reverse(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    execution = machines.run(PASS)["executionArn"]
    newest = machines.api.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)
    return [event["type"] for event in newest["events"]] == ["ExecutionSucceeded"]


@probe(f"{_MAP}.itemprocessor.distributed_item_processor_worker:DistributedItemProcessorWorker._eval_pool")
def no_item_deepens_the_stack(aws: LocalAws) -> bool:
    depths = []
    evaluate = DistributedItemProcessorWorker._eval_job

    def spy(*arguments: Any, **named: Any) -> None:
        frame, depth = sys._getframe(), 0
        while frame := frame.f_back:  # type: ignore[assignment]
            depth += 1
        depths.append(depth)
        evaluate(*arguments, **named)

    with patch.object(DistributedItemProcessorWorker, "_eval_job", spy):
        Machines(aws.server).run(distributed(MaxConcurrency=1), items=[1, 2, 3])
    return len(set(depths)) == 1


@probe(f"{_MAP}.distributed_iteration_component:EventManager")
def the_history_of_children_is_not_kept(aws: LocalAws) -> bool:
    managers: list[Any] = []
    evaluate = DistributedItemProcessorWorker._eval_job

    def spy(worker: Any, env: Any, job: Any) -> None:
        managers.append(env.event_manager)
        evaluate(worker, env=env, job=job)

    with patch.object(DistributedItemProcessorWorker, "_eval_job", spy):
        Machines(aws.server).run(distributed(), items=[1, 2])
    return not any(manager._history_event_list for manager in managers)


@probe(f"{_MAP}.distributed_iteration_component:DistributedIterationComponent._map_run")
def a_map_tolerates_no_failure_unless_it_says_so(aws: LocalAws) -> bool:
    return bool(Machines(aws.server).run(distributed(), items=[0, 1])["status"] == "FAILED")


@probe(f"{ASL}.utils.boto_client:boto3")
def tasks_share_a_client(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": machines.queue_url, "MessageBody": "text"},
    }
    make = botocore.session.Session.create_client
    with patch.object(botocore.session.Session, "create_client", autospec=True, side_effect=make) as made:
        machines.run({"First": {**send, "Next": "Second"}, "Second": {**send, "End": True}})
    return bool(made.call_count == 1)


@probe(f"{ASL}.parse.asl_parser:AmazonStateLanguageParser.parse")
def executions_share_a_program(_aws: LocalAws) -> bool:
    definition = json.dumps({"StartAt": "Pass", "States": PASS})
    first, second = (AmazonStateLanguageParser.parse(definition)[0] for _ in range(2))
    return first is second


@probe(f"{ASL}.utils.json_path:parse")
def a_path_is_parsed_once(_aws: LocalAws) -> bool:
    first, second = (json_path.parse("$.a") for _ in range(2))
    return first is second


def errors_logged(aws: LocalAws, state: dict[str, Any]) -> int:
    with patch.object(LOG, "error", Mock()) as logged:
        Machines(aws.server).run({"State": state})
    return int(logged.call_count)


@probe(f"{ASL}.component.eval_component:EvalComponent._log_failure_event_exception")
def a_state_that_fails_logs_no_program(aws: LocalAws) -> bool:
    return errors_logged(aws, {"Type": "Fail", "Error": "Unlucky"}) == 0


@probe(f"{ASL}.component.eval_component:EvalComponent._log_exception")
def an_error_of_a_state_logs_no_program(aws: LocalAws) -> bool:
    return errors_logged(aws, {"Type": "Pass", "Parameters": {"a.$": "$.missing"}, "End": True}) == 0


@probe(f"{ASL}.component.common.retry.jitter_strategy_decl:JitterStrategyDecl._eval_body")
def a_test_waits_for_no_retry(_aws: LocalAws) -> bool:
    env = SimpleNamespace(stack=[60.0])
    JitterStrategyDecl()._eval_body(env)
    return env.stack == [0.0]


@probe(f"{ASL}.eval.states:long_uid")
def a_token_is_as_long_as_it_may_be(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    machines.callback()
    return len(machines.token()) == TOKEN_LENGTH


@probe(f"{_CALLBACK}._eval_execution")
def each_attempt_has_its_token(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}
    machines.callback(Retry=[retry])
    token = machines.token()
    if error_code(machines.api.send_task_failure, taskToken=token, error="E"):
        return False
    return machines.token() != token


@probe(f"{_CALLBACK}._eval_wait_for_task_token")
def a_task_of_a_stopped_branch_ends(_aws: LocalAws) -> bool:
    task = StateTaskServiceSqs.__new__(StateTaskServiceSqs)
    stopped = SimpleNamespace(is_running=lambda: False)
    return task._eval_wait_for_task_token(stopped, 0.01, CallbackEndpoint("token"), None) is None


@probe(f"{RESPONSES}.send_task_success")
def an_output_that_is_no_json_is_refused(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    machines.callback()
    return (
        error_code(machines.api.send_task_success, taskToken=machines.token(), output="{") == "InvalidOutput"
    )


@probe(f"{RESPONSES}.send_task_failure")
def a_failure_keeps_its_cause(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    execution = machines.callback()
    machines.api.send_task_failure(taskToken=machines.token(), error="E", cause="because")
    return machines.wait(execution).get("cause") == "because"


@probe(f"{RESPONSES}.send_task_heartbeat")
def a_token_that_was_answered_has_no_heart(aws: LocalAws) -> bool:
    machines = Machines(aws.server)
    machines.callback()
    token = machines.token()
    machines.api.send_task_success(taskToken=token, output="{}")
    return error_code(machines.api.send_task_heartbeat, taskToken=token) == "TaskTimedOut"
