"""Stopping executions: what is stopped has stopped when StopExecution answers, as in AWS."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionAbortedEventDetails, ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.account import ACCOUNT, REGION
from local_aws.states.executions import end_history, ending
from local_aws.states.seams import ASL, RESPONSES, SEAMS

STARTS_WITHIN: Final = 30.0
"""Seconds. The thread of an execution makes its environment a moment after StartExecution has answered."""


@SEAMS.replaces(f"{ASL}.eval.environment:Environment.set_stop")
def _set_stop(
    _state: object, original: Callable[..., None], environment: Environment, *stop: Any, **named: Any
) -> None:
    original(environment, *stop, **named)
    # moto sets the event and clears it: only a Wait that waits by then would end.
    environment.program_state_event.set()


@SEAMS.replaces(f"{RESPONSES}.stop_execution")
def _stop_execution(_state: object, _original: object, call: StepFunctionResponse) -> ActionResult:
    arn, error, cause = (call._get_param(name) for name in ("executionArn", "error", "cause"))
    execution: Execution = call.stepfunction_backend.describe_execution(arn)
    environment, now = environment_of(execution), datetime.now(tz=UTC)
    with ending:
        if execution.exec_status is not ExecutionStatus.RUNNING:
            return ActionResult({"stopDate": execution.stop_date})
        execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, now
        execution.error, execution.cause = error, cause
        details = ExecutionAbortedEventDetails(error=error, cause=cause)
        ended = EventDetails(executionAbortedEventDetails=details)
        end_history(environment, HistoryEventType.ExecutionAborted, ended)
    environment.set_stop(stop_date=now, cause=cause, error=error)
    return ActionResult({"stopDate": now})


def stop_all() -> None:
    """End every execution that is under way: its thread would outlive the server that it calls."""
    for machine in list(stepfunctions_parser_backends[ACCOUNT][REGION].state_machines):
        for execution in machine.executions:
            environment = execution.exec_worker and execution.exec_worker.env
            if environment and execution.exec_status is ExecutionStatus.RUNNING:
                environment.set_stop(stop_date=datetime.now(tz=UTC), cause=None, error=None)


def environment_of(execution: Execution) -> Environment:
    """Of an execution that was started: its environment, once its thread has made it."""
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        environment: Environment | None = execution.exec_worker and execution.exec_worker.env
        if environment is not None and environment.program_state() is not None:
            return environment
        if time.monotonic() > deadline:
            raise TimeoutError(f"{execution.exec_arn} did not start within {STARTS_WITHIN:.0f} s")
        time.sleep(0.005)
