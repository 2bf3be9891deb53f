"""Starting executions, and how long their history may grow.

moto: two calls of StartExecution at the same time under one name start two executions; an input of any size
is taken, a name must be given; a history may grow without end; the cause of SendTaskFailure is
dropped; and an execution has ended before it says why.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import Final
from uuid import uuid4

from moto.core.responses import ActionResult, EmptyResult
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

LARGEST_INPUT: Final = 262_144
MOST_EVENTS: Final = 25_000
_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_starting: Final = Lock()
ending: Final = Lock()
"""Held while the status of an execution and what goes with it change."""


def install() -> None:
    """One execution for one name, with AWS's bounds."""
    start = StepFunctionsParserBackend.start_execution

    def start_execution(
        self: StepFunctionsParserBackend,
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
            return start(self, state_machine_arn, name or str(uuid4()), execution_input, trace_header)

    StepFunctionsParserBackend.start_execution = start_execution
    _end_at_once()
    StepFunctionResponse.send_task_failure = _send_task_failure
    _bound_histories()


def _bound_histories() -> None:
    enter = CommonStateField._eval_body

    def enter_within_bounds(self: CommonStateField, env: Environment) -> None:
        if len(env.event_manager._history_event_list) >= MOST_EVENTS - 2:
            raise FailureEventException(_too_long(env))
        enter(self, env)

    CommonStateField._eval_body = enter_within_bounds


def _too_long(env: Environment) -> FailureEvent:
    typ = StatesErrorNameType.StatesRuntime
    cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
    details = EventDetails(
        executionFailedEventDetails=ExecutionFailedEventDetails(error=typ.to_name(), cause=cause)
    )
    return FailureEvent(env, StatesErrorName(typ), HistoryEventType.ExecutionFailed, event_details=details)


def _send_task_failure(self: StepFunctionResponse) -> ActionResult:
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()


def _end_at_once() -> None:
    """An execution that says how it ended says why: moto sets the status first, error and output after it."""
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status

    def reflect_at_once(self: BaseExecutionWorkerCommunication) -> None:
        with ending:
            if self.execution.exec_status is not ExecutionStatus.ABORTED:  # a stop has said all of it
                reflect(self)

    def status(self: Execution) -> str:
        with ending:
            # Others may list an execution before its start has set a status.
            told: str = (self.exec_status or ExecutionStatus.RUNNING).value
            return told

    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_at_once
    Execution.status = property(status)
