"""Stopping executions.

moto: an execution that was stopped runs on until its own thread has seen that, which one that is just
entering a Wait does when the Wait is over; one that has not entered its first state cannot be stopped; and
nobody learns the error and the cause that the stop was given.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.responses import StepFunctionResponse

from local_cloud.moto_stepfunctions.executions import ending

STARTS_WITHIN: Final = 30.0
"""Seconds. The thread of an execution makes its environment a moment after StartExecution has answered."""


def install() -> None:
    """What is stopped has stopped when StopExecution answers, as in AWS."""
    stop_program = Environment.set_stop

    def set_stop(self: Environment, stop_date: datetime, cause: str | None, error: str | None) -> None:
        stop_program(self, stop_date, cause, error)
        # moto sets the event and clears it: only a Wait that waits by then would hear of it.
        self.program_state_event.set()

    Environment.set_stop = set_stop
    Execution.stop = _stop
    StepFunctionResponse.stop_execution = _stop_execution


def _stop_execution(self: StepFunctionResponse) -> ActionResult:
    arn, error, cause = (self._get_param(name) for name in ("executionArn", "error", "cause"))
    execution: Execution = self.stepfunction_backend.describe_execution(arn)
    execution.stop(datetime.now(tz=UTC), error, cause)
    return ActionResult({"stopDate": execution.stop_date})


def _stop(self: Execution, stop_date: datetime, error: str | None, cause: str | None) -> None:
    environment = _environment(self)
    environment.set_stop(stop_date=stop_date, cause=cause, error=error)
    state = environment.program_state()
    if isinstance(state, ProgramStopped):
        with ending:
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, state.stop_date
            self.error, self.cause = state.error, state.cause


def _environment(execution: Execution) -> Environment:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        environment: Environment | None = execution.exec_worker and execution.exec_worker.env
        if environment is not None and environment.program_state() is not None:
            return environment
        if time.monotonic() > deadline:
            raise TimeoutError(f"{execution.exec_arn} did not start within {STARTS_WITHIN:.0f} s")
        time.sleep(0.005)
