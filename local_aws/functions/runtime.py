"""What runs inside an instance: loads the handler, then answers events until the pool hangs up.

Errors have the form that Lambda's Python runtime gives them. What is no `Exception`, such as SystemExit,
ends the process, as it does there.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from local_aws.account import arn

STARTED, READY, ANSWER, FAILURE, ENDED = b"S", b"R", b"A", b"F", b"E"
"""First byte of a frame to the pool; the rest is the process's id, nothing, JSON, JSON, its exit status."""

Handler = Callable[[Any, "Context"], object]


class Context:
    """The second argument of a handler, with what Lambda's own has."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float) -> None:
        self.aws_request_id, self._deadline = request_id, deadline
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = arn("lambda", f"function:{self.function_name}")

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation times out."""
        return max(0, int((self._deadline - time.time()) * 1000))


class _Unusable(Exception):  # noqa: N818
    """The handler, or what it answered, is of no use: the errorType, and why."""


def serve(link: Connection, handler: str) -> None:
    """Answer until the pool closes its end: a frame with request id and deadline, then one with the event."""
    link.send_bytes(STARTED + str(os.getpid()).encode())
    try:
        call = _load(handler)
    except Exception as error:
        link.send_bytes(FAILURE + _failure(error, ""))
        return
    link.send_bytes(READY)
    while True:
        try:
            context, event = Context(*json.loads(link.recv_bytes())), link.recv_bytes()
        except EOFError:
            return
        answer = _answer(call, event, context)
        sys.stdout.flush()
        sys.stderr.flush()
        link.send_bytes(answer)


def _load(handler: str) -> Handler:
    module_name, _, attribute = handler.rpartition(".")
    if not module_name:
        raise _Unusable("Runtime.MalformedHandlerName", f"Bad handler '{handler}': it has no module")
    try:
        found: Handler = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise _Unusable("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise _Unusable("Runtime.UserCodeSyntaxError", message) from error
    except AttributeError as error:
        if module_name not in sys.modules:  # raised by the module itself
            raise
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
    fields = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}
    return json.dumps(fields).encode()


def _frames_of_user(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    own = (__file__, importlib.__file__)
    frames = traceback.extract_tb(trace)
    return [f for f in frames if f.filename not in own and not f.filename.startswith("<frozen importlib.")]
