"""Task tokens and what waits for them: long ones, one for each attempt, answered once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Final
from uuid import uuid4

from moto.core.exceptions import AWSError
from moto.core.responses import EmptyResult
from moto.stepfunctions.exceptions import InvalidToken
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    HeartbeatEndpoint,
    HeartbeatTimedOut,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.states.executions import LARGEST_INPUT
from local_aws.states.seams import ASL, RESPONSES, SEAMS, STATES

_CALLBACK: Final = f"{STATES}.exec.state_task.service.state_task_service_callback:StateTaskServiceCallback"

TOKEN_LENGTH: Final = 2_048
"""The longest that AWS may give: what holds it, holds every token."""
_SEED_LENGTH: Final = 36
_tasks: Final[dict[str, tuple[CallbackEndpoint, Environment]]] = {}
"""The open tasks of all executions, by token."""
_lock: Final = Lock()


def _answer(token: str, outcome: CallbackOutcome | None) -> None:
    """Answer an open task, once, or, with None, let it wait on.

    Raises:
        InvalidToken: no execution ever gave it out.
        AWSError: TaskTimedOut: its task is over: answered, timed out or stopped.
    """
    if token != token_of(token[:_SEED_LENGTH]):
        raise InvalidToken
    with _lock:
        endpoint, env = _tasks.get(token, (None, None))
        if env is None or not env.is_running():
            raise AWSError("Task Timed Out: Provided task does not exist anymore", "TaskTimedOut")
        if outcome is None:
            endpoint.notify_heartbeat()
        else:
            del _tasks[token]
            endpoint.notify(outcome)


@SEAMS.replaces(f"{ASL}.eval.states:long_uid")
def _long_uid(_state: object, _original: object) -> str:
    return token_of(str(uuid4()))


@SEAMS.replaces(f"{_CALLBACK}._eval_execution")
def _evaluate_attempt(
    _state: object, original: Callable[..., None], task: StateTaskServiceCallback, env: Environment
) -> None:
    if task.resource.condition != ResourceCondition.WaitForTaskToken:
        original(task, env)
        return
    context, pool = env.states.context_object, env.callback_pool_manager
    token = context.update_task_token()
    with _lock:
        _tasks[token] = (pool.add(token), env)
    try:
        original(task, env)
    finally:
        with _lock:
            _tasks.pop(token, None)
        pool._pool.pop(token, None)


def token_of(seed: str) -> str:
    """A token of full length; the same seed gives the same one, so a made-up token is known as such."""
    digest = hashlib.sha512(seed.encode()).hexdigest()
    return (seed + digest * (TOKEN_LENGTH // len(digest) + 1))[:TOKEN_LENGTH]


@SEAMS.replaces(f"{_CALLBACK}._eval_wait_for_task_token")
def _wait(
    _state: object,
    _original: object,
    _task: StateTaskServiceCallback,
    env: Environment,
    timeout_seconds: float,
    callback_endpoint: CallbackEndpoint,
    heartbeat_endpoint: HeartbeatEndpoint | None,
) -> CallbackOutcome | None:
    """The outcome of a task; None when its time is over or its branch was stopped."""
    patience = heartbeat_endpoint._heartbeat_seconds if heartbeat_endpoint else timeout_seconds
    begun = seen = time.monotonic()
    while env.is_running() and time.monotonic() - begun < timeout_seconds:
        if callback_endpoint._notify_event.wait(min(1.0, patience / 4)):
            return callback_endpoint.get_outcome()
        if heartbeat_endpoint and heartbeat_endpoint._next_heartbeat_event.is_set():
            heartbeat_endpoint._next_heartbeat_event.clear()
            seen = time.monotonic()
        if time.monotonic() - seen >= patience:
            return HeartbeatTimedOut() if heartbeat_endpoint else None
    return None


@SEAMS.replaces(f"{RESPONSES}.send_task_success")
def _send_task_success(_state: object, _original: object, call: StepFunctionResponse) -> EmptyResult:
    token, output = call._get_param("taskToken"), call._get_param("output")
    try:
        json.loads(output)
    except ValueError:
        raise AWSError("Invalid Output: it is no JSON", "InvalidOutput") from None
    if len(output.encode()) > LARGEST_INPUT:
        raise AWSError("Invalid Output: it is too large", "InvalidOutput")
    _answer(token, CallbackOutcomeSuccess(callback_id=token, output=output))
    return EmptyResult()


@SEAMS.replaces(f"{RESPONSES}.send_task_failure")
def _send_task_failure(_state: object, _original: object, call: StepFunctionResponse) -> EmptyResult:
    token, error, cause = (call._get_param(name) for name in ("taskToken", "error", "cause"))
    _answer(token, CallbackOutcomeFailure(callback_id=token, error=error, cause=cause))
    return EmptyResult()


@SEAMS.replaces(f"{RESPONSES}.send_task_heartbeat")
def _send_task_heartbeat(_state: object, _original: object, call: StepFunctionResponse) -> EmptyResult:
    _answer(call._get_param("taskToken"), None)
    return EmptyResult()
