"""What runs inside an instance: loads the handler, then answers events until the pool hangs up.

Errors are told as Lambda's Python runtime tells them. What is no `Exception`, such as SystemExit,
ends the process, as it does there.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final

READY: Final = b"R"
ANSWER: Final = b"A"
FAILURE: Final = b"F"
"""First byte of a frame from an instance to the pool; the rest is JSON."""

Handler = Callable[[Any, "Context"], object]


class Context:
    """The second argument of a handler, with what Lambda's own has."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, told: dict[str, Any]) -> None:
        self.function_name: str = told["function_name"]
        self.invoked_function_arn: str = told["invoked_function_arn"]
        self.memory_limit_in_mb: str = told["memory_limit_in_mb"]
        self.aws_request_id: str = told["aws_request_id"]
        self.log_group_name: str = told["log_group_name"]
        self.log_stream_name: str = told["log_stream_name"]
        self._deadline: float = told["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation times out."""
        return max(0, int((self._deadline - time.time()) * 1000))


class _Unusable(Exception):  # noqa: N818
    """The handler cannot be had: the errorType, and why."""


def serve(link: Connection, handler: str) -> None:
    """Answer until the pool closes its end: a frame with the context's fields, then one with the event."""
    try:
        call = _load(handler)
    except Exception as error:
        link.send_bytes(FAILURE + _failure(error, ""))
        return
    link.send_bytes(READY)
    while True:
        try:
            told, event = json.loads(link.recv_bytes()), link.recv_bytes()
        except EOFError:
            return
        answer = _answer(call, event, Context(told))
        sys.stdout.flush()
        sys.stderr.flush()
        link.send_bytes(answer)


def _load(handler: str) -> Handler:
    module_name, _, attribute = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise _Unusable("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise _Unusable("Runtime.UserCodeSyntaxError", message) from error
    try:
        found: Handler = getattr(module, attribute)
    except AttributeError as error:
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise _Unusable("Runtime.HandlerNotFound", message) from error
    return found


def _answer(call: Handler, event: bytes, context: Context) -> bytes:
    try:
        result = call(json.loads(event or b"{}"), context)
        try:
            return ANSWER + json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise _Unusable("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    except Exception as error:
        return FAILURE + _failure(error, context.aws_request_id)


def _failure(error: Exception, request_id: str) -> bytes:
    """The error as JSON; the log gets it too, as in Lambda."""
    kind, message = error.args if isinstance(error, _Unusable) else (type(error).__name__, str(error))
    origin = error.__cause__ or error if isinstance(error, _Unusable) else error
    trace = traceback.format_list(_frames_of_user(origin.__traceback__))
    sys.stderr.write(f"[ERROR] {kind}: {message}\nTraceback (most recent call last):\n{''.join(trace)}")
    sys.stderr.flush()
    told = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}
    return json.dumps(told).encode()


def _frames_of_user(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    skipped = (
        __file__,
        importlib.__file__,
        "<frozen importlib._bootstrap>",
        "<frozen importlib._bootstrap_external>",
    )
    return [frame for frame in traceback.extract_tb(trace) if frame.filename not in skipped]
