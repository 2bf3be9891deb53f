"""Executions start, one for one name; stay within AWS's bounds; and end with their history."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Lock, RLock
from typing import Final
from uuid import uuid4

from moto.stepfunctions.exceptions import InvalidExecutionInput, InvalidName
from moto.stepfunctions.parser.api import (
    ExecutionStatus,
    ExecutionTimedOutEventDetails,
    HistoryEventType,
)
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
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.parser.utils import TMP_THREADS

from local_aws.states.seams import PARSER, SEAMS, STATES
from local_aws.unserved import NotServedError

LARGEST_INPUT: Final = 262_144
MOST_EVENTS: Final = 25_000
_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_COLONS: Final = 6
"""Of a state machine's ARN; that of a version or an alias has one more."""
_starting: Final = Lock()
ending: Final = RLock()
"""Held while the status of an execution and what goes with it change."""


@SEAMS.replaces(f"{PARSER}.models:StepFunctionsParserBackend.start_execution")
def _start_execution(
    _state: object,
    original: Callable[..., Execution],
    backend: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Execution:
    if state_machine_arn.count(":") > _COLONS:
        raise NotServedError("of a version or an alias")
    if len((execution_input or "").encode()) > LARGEST_INPUT:
        raise InvalidExecutionInput(f"The input has more than {LARGEST_INPUT} bytes")
    if name is not None and not _NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: {name[:80]!r}")
    with _starting:
        TMP_THREADS.clear()  # every thread that ever ran, kept for moto's own tests
        return original(backend, state_machine_arn, name or str(uuid4()), execution_input, trace_header)


@SEAMS.replaces(f"{STATES}.state:CommonStateField._eval_body")
def _enter_within_bounds(
    _state: object, original: Callable[..., None], state: CommonStateField, env: Environment
) -> None:
    if len(env.event_manager._history_event_list) >= MOST_EVENTS - 2:
        cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
        error = StatesErrorNameType.StatesRuntime
        raise failure(env, error, cause, HistoryEventType.ExecutionFailed, "executionFailedEventDetails")
    original(state, env)


def failure(
    env: Environment, error: StatesErrorNameType, cause: str, event: HistoryEventType, details: str
) -> FailureEventException:
    """What an interpreted state raises to fail with one of the errors that AWS defines.

    Args:
        event: that the history gets.
        details: the member of the event that has error and cause.
    """
    described = EventDetails({details: {"error": error.to_name(), "cause": cause}})
    return FailureEventException(FailureEvent(env, StatesErrorName(error), event, event_details=described))


@SEAMS.replaces(f"{PARSER}.backend.execution:BaseExecutionWorkerCommunication._reflect_execution_status")
def _end_at_once(
    _state: object, original: Callable[..., None], communication: BaseExecutionWorkerCommunication
) -> None:
    with ending:
        execution = communication.execution
        if execution.exec_status is ExecutionStatus.ABORTED:  # a stop has set all of it
            return
        original(communication)
        if execution.exec_status is ExecutionStatus.TIMED_OUT:
            end_history(
                execution.exec_worker.env,
                HistoryEventType.ExecutionTimedOut,
                EventDetails(executionTimedOutEventDetails=ExecutionTimedOutEventDetails()),
            )


def end_history(env: Environment, event_type: HistoryEventType, details: EventDetails) -> None:
    """Add the event that ends a history, without waiting for the thread that would."""
    env.event_manager.add_event(EventHistoryContext.of_program_start(), event_type, details)


@SEAMS.replaces(f"{PARSER}.backend.execution:Execution.status", value=True)
def _status(_state: object, _original: object) -> property:
    def status(execution: Execution) -> str:
        with ending:
            # Others may list an execution before its start has set a status.
            value: str = (execution.exec_status or ExecutionStatus.RUNNING).value
            return value

    return property(status)
