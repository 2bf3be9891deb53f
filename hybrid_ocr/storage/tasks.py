"""Answers to states of Step Functions that wait with a task token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.storage.faults import CONFIG, code_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

TRANSIENT_ERROR: Final = "TransientError"
"""The flow file's name for an error that a retry can heal."""
PERMANENT_ERROR: Final = "PermanentError"
"""The flow file's name for an error that no retry heals."""

ENGINE_ERROR: Final = "EngineError"
"""The flow file's name for a network or its process that failed: tried again, but not often, since the page
may do it every time, and take its neighbours along."""

_GONE: Final = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


def error_name(error: ErrorInfo) -> str:
    """The name under which the flow file knows an error."""
    if error.code is ErrorCode.ENGINE_FAILED:
        return ENGINE_ERROR
    return TRANSIENT_ERROR if error.retryable else PERMANENT_ERROR


class Tasks:
    """Answers states by their tokens. False: nobody waits with that token any more, which is no fault."""

    def __init__(self, client: SFNClient | None = None) -> None:
        self.client: SFNClient = client or boto3.client("stepfunctions", config=CONFIG)

    def succeed(self, token: str, output: Mapping[str, object] | None = None) -> bool:
        """End a state with an output, by default an empty one: results lie in S3."""
        text = json.dumps(output or {})
        return _told(lambda: self.client.send_task_success(taskToken=token, output=text))

    def fail(self, token: str, error: ErrorInfo) -> bool:
        """End a state with an error; its cause is the ErrorInfo as JSON."""
        name, cause = error_name(error), error.model_dump_json()
        return _told(lambda: self.client.send_task_failure(taskToken=token, error=name, cause=cause))

    def heartbeat(self, token: str) -> bool:
        """Tell a state that its work is still under way."""
        return _told(lambda: self.client.send_task_heartbeat(taskToken=token))


def _told(call: Callable[[], object]) -> bool:
    try:
        call()
    except ClientError as error:
        if code_of(error) in _GONE:
            return False
        raise
    return True
