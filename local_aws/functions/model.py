"""What a function is, what an invocation answers, and how the Lambda API refuses a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MOST_SYNCHRONOUS_BYTES: Final = 6 * 2**20
MOST_EVENT_BYTES: Final = 2**20
"""Request payloads: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""

MOST_ANSWER_BYTES: Final = 6 * 2**20 + 100
"""The number that Lambda itself names in Function.ResponseSizeTooLarge."""


@dataclass(frozen=True)
class FunctionSpec:
    """A function to serve.

    Args:
        handler: `package.module.attribute`.
        timeout_seconds: of one invocation.
        memory_mb: an instance that holds more private memory than that is killed.
        concurrency: most instances at once, which is most invocations at once.
        environment: variables of its own.
        provisioned: instances that load their handler at the start of the pool, before any call.
        code: a folder that modules are looked for in first; the working directory of instances.
    """

    handler: str
    timeout_seconds: float = 3.0
    memory_mb: int = 128
    concurrency: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    provisioned: int = 0
    code: Path | None = None


@dataclass(frozen=True)
class Invocation:
    """The answer of one invocation.

    Args:
        payload: JSON, UTF-8; of a failed one `{errorMessage, errorType, requestId, stackTrace}`.
        error: the errorType of a failed one, by which Step Functions names the failure of a task: the
            exception's class, or a name of Lambda's own such as Sandbox.Timedout, Runtime.ExitError,
            Runtime.OutOfMemory, Runtime.ImportModuleError, Function.ResponseSizeTooLarge.
        request_id: under which the log has it.
        log_tail: the last 4 KiB of what it logged.
    """

    payload: bytes
    error: str | None
    request_id: str
    log_tail: bytes = b""


class InvokeRefused(Exception):  # noqa: N818 - an answer of the API, not a fault of ours
    """The call did not reach a function: an error of the Lambda API.

    Args:
        code: such as TooManyRequestsException.
        status: of HTTP.
        message: for people.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message
