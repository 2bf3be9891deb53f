"""Answers to states of Step Functions that wait with a task token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.flow_errors import flow_error
from hybrid_ocr.storage.faults import CONFIG, code_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_GONE: Final = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


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
        failed = flow_error(error)
        return _told(
            lambda: self.client.send_task_failure(taskToken=token, error=failed.name, cause=str(failed))
        )

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
