"""Starting executions: one for one name, within AWS's bounds; and how their end is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Lock
from typing import Final
from uuid import uuid4

from moto.core.responses import EmptyResult
from moto.stepfunctions.exceptions import InvalidExecutionInput, InvalidName
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.utils import TMP_THREADS
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.seams import Seams

SEAMS: Final = Seams()
LARGEST_INPUT: Final = 262_144
MOST_EVENTS: Final = 25_000
_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_starting: Final = Lock()
ending: Final = Lock()
"""Held while the status of an execution and what goes with it change."""


@SEAMS.replaces("moto.stepfunctions.parser.models:StepFunctionsParserBackend.start_execution")
def _start_execution(
    _state: object,
    original: Callable[..., Execution],
    backend: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Execution:
    if len((execution_input or "").encode()) > LARGEST_INPUT:
        raise InvalidExecutionInput(f"The input has more than {LARGEST_INPUT} bytes")
    if name is not None and not _NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: {name[:80]!r}")
    with _starting:
        TMP_THREADS.clear()  # every thread that ever ran, kept for moto's own tests
        return original(backend, state_machine_arn, name or str(uuid4()), execution_input, trace_header)


@SEAMS.replaces("moto.stepfunctions.parser.asl.component.state.state:CommonStateField._eval_body")
def _enter_within_bounds(
    _state: object, original: Callable[..., None], state: CommonStateField, env: Environment
) -> None:
    if len(env.event_manager._history_event_list) >= MOST_EVENTS - 2:
        raise FailureEventException(_too_long(env))
    original(state, env)


def _too_long(env: Environment) -> FailureEvent:
    typ = StatesErrorNameType.StatesRuntime
    cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
    details = EventDetails(
        executionFailedEventDetails=ExecutionFailedEventDetails(error=typ.to_name(), cause=cause)
    )
    return FailureEvent(env, StatesErrorName(typ), HistoryEventType.ExecutionFailed, event_details=details)


@SEAMS.replaces("moto.stepfunctions.responses:StepFunctionResponse.send_task_failure")
def _send_task_failure(_state: object, _original: object, call: StepFunctionResponse) -> EmptyResult:
    token, error, cause = (call._get_param(name) for name in ("taskToken", "error", "cause"))
    call.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()


@SEAMS.replaces(
    "moto.stepfunctions.parser.backend.execution:BaseExecutionWorkerCommunication._reflect_execution_status"
)
def _end_at_once(
    _state: object, original: Callable[..., None], communication: BaseExecutionWorkerCommunication
) -> None:
    with ending:
        if communication.execution.exec_status is not ExecutionStatus.ABORTED:  # a stop has said all of it
            original(communication)


@SEAMS.replaces("moto.stepfunctions.parser.backend.execution:Execution.status", value=True)
def _status(_state: object, _original: object) -> property:
    def status(execution: Execution) -> str:
        with ending:
            # Others may list an execution before its start has set a status.
            told: str = (execution.exec_status or ExecutionStatus.RUNNING).value
            return told

    return property(status)
