"""Functions by name: called and waited for, or sent an event for later."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Self

from local_aws.account import CREDENTIALS, REGION, arn
from local_aws.functions import metrics
from local_aws.functions.fork_server import ForkServer
from local_aws.functions.instance import Instance
from local_aws.functions.instances import Instances
from local_aws.functions.logs import LogStream
from local_aws.functions.model import (
    MOST_EVENT_BYTES,
    MOST_SYNCHRONOUS_BYTES,
    FunctionSpec,
    Invocation,
    InvokeRefused,
)

_EVENTS_AT_ONCE: Final = 8
_THROTTLED_SECONDS: Final = 1.0
"""Before an event that found no instance, or a failing service, is tried again."""

_log = logging.getLogger(__name__)


def _nothing(*_: object) -> None:
    """For whoever wants no logs, metrics or events."""


class FunctionPool:
    """Serves functions; a context manager. Every method may be called by many threads at once.

    Args:
        functions: by physical name.
        log_dir: gets NAME.log of each function, and fork-server.log.
        endpoint_url: where functions find AWS (AWS_ENDPOINT_URL).
        modules: imported once for all functions; none may start a thread or open a file.
        services: of AWS, whose clients most functions make.
        on_metrics: gets a namespace and its data, printed by functions or Lambda's own; must not take long.
        on_log: gets a log group, a log stream and lines for it; must not take long.
        send_message: gets the ARN of a queue, an event that was given up, and `message_attributes` about it.
        patience_seconds: how long a call waits for an instance where all are busy.
        retry_seconds: before each retry of an event that failed.
    """

    def __init__(
        self,
        functions: Mapping[str, FunctionSpec],
        log_dir: Path,
        *,
        endpoint_url: str | None = None,
        modules: Sequence[str] = (),
        services: Sequence[str] = (),
        on_metrics: Callable[[str, metrics.MetricData], None] = _nothing,
        on_log: Callable[[str, str, list[bytes]], None] = _nothing,
        send_message: Callable[..., object] = _nothing,
        patience_seconds: float = 10.0,
        retry_seconds: tuple[float, ...] = (1.0, 2.0),
    ) -> None:
        self.given = functions
        self.dead_letter_queues: dict[str, str] = {}
        """ARNs by name of function."""
        self.log_dir, self._endpoint_url, self._retries = log_dir, endpoint_url, retry_seconds
        self._on_metrics, self._on_log, self._send_message = on_metrics, on_log, send_message
        self._functions = {
            name: Instances(partial(self._start_instance, name), spec.concurrency, patience_seconds)
            for name, spec in functions.items()
        }
        self._server = ForkServer(log_dir / "fork-server.log", modules, services)
        self._events = ThreadPoolExecutor(_EVENTS_AT_ONCE, thread_name_prefix="function-events")
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        """Start without waiting for the imports, nor for the provisioned instances."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._server.__enter__()
            for name in self.given:
                self._events.submit(self._provision, name)
        except BaseException:  # such as an interrupt: a thread that is left would keep this process
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every instance, also in the middle of an invocation, which answers an error. Twice is once."""
        self._stopping.set()
        self._server.__exit__()
        self._events.shutdown(cancel_futures=True)
        for function in self._functions.values():
            function.close()

    @property
    def pids(self) -> dict[str, list[int]]:
        """The processes of each function's instances."""
        return {name: function.pids for name, function in self._functions.items()}

    def check(self, name: str, payload: bytes, most_bytes: int = MOST_SYNCHRONOUS_BYTES) -> None:
        """Whether a call could be made.

        Raises:
            InvokeRefused: no such function, no JSON, too large.
        """
        if self._stopping.is_set():
            raise InvokeRefused("ServiceException", 500, "the functions are stopped")
        self.find(name)
        if len(payload) > most_bytes:
            message = f"Request must be smaller than {most_bytes} bytes for this type of invocation"
            raise InvokeRefused("RequestEntityTooLargeException", 413, message)
        try:
            json.loads(payload or b"{}")
        except (ValueError, RecursionError) as error:
            message = f"Could not parse request body into json: {type(error).__name__}"
            raise InvokeRefused("InvalidRequestContentException", 400, message) from None

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Call a function and wait for its answer.

        Args:
            name: physical name.
            payload: the event as JSON, at most 6 MiB.

        Raises:
            InvokeRefused: the call did not reach the function.
        """
        self.check(name, payload)
        return self._invoke(name, payload, str(uuid.uuid4()))

    def send(self, name: str, payload: bytes) -> str:
        """Call a function later (invocation type Event), again twice where it fails; gives the request id.

        Raises:
            InvokeRefused: the call is not taken.
        """
        self.check(name, payload, MOST_EVENT_BYTES)
        request_id = str(uuid.uuid4())
        self._events.submit(self._deliver, name, payload, request_id)
        return request_id

    def find(self, name: str) -> Instances:
        """The instances of a function.

        Raises:
            InvokeRefused: there is none of this name.
        """
        function = self._functions.get(name)
        if function is None:
            missing = arn("lambda", f"function:{name}")
            raise InvokeRefused("ResourceNotFoundException", 404, f"Function not found: {missing}")
        return function

    def _provision(self, name: str) -> None:
        # Stopped meanwhile; or whatever else, it will be the answer of a call.
        with suppress(InvokeRefused), ExitStack() as together:
            for _ in range(self.given[name].provisioned):
                together.enter_context(self.find(name).instance()).preload()

    def _deliver(self, name: str, payload: bytes, request_id: str) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html."""
        waits = iter(self._retries)
        while not self._stopping.is_set():
            try:
                answer = self._invoke(name, payload, request_id)
                if answer.error is None:
                    return
                code, message = 200, str(json.loads(answer.payload)["errorMessage"])
                wait = next(waits, None)
            except InvokeRefused as refused:  # this does not count as a try
                code, message = refused.status, refused.message
                wait = _THROTTLED_SECONDS if self.find(name).concurrency else None
            if wait is None:
                self._discard(name, payload, request_id, code, message)
                return
            self._stopping.wait(wait)

    def _discard(self, name: str, payload: bytes, request_id: str, code: int, message: str) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
        _log.error("event %s of %s was given up: %s %s", request_id, name, code, message)
        self._publish("AWS/Lambda", metrics.of_lambda(name, AsyncEventsDropped=1))
        about = {
            "RequestID": {"DataType": "String", "StringValue": request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": str(code)},
            "ErrorMessage": {"DataType": "String", "StringValue": message[:1024]},
        }
        try:
            if queue := self.dead_letter_queues.get(name):
                self._send_message(queue, payload.decode(), message_attributes=about)
        except Exception:
            _log.exception("an event of %s did not reach its dead-letter queue", name)
            self._publish("AWS/Lambda", metrics.of_lambda(name, DeadLetterErrors=1))

    def _invoke(self, name: str, payload: bytes, request_id: str) -> Invocation:
        try:
            with self.find(name).instance() as instance:
                began = time.monotonic()
                answer = instance.invoke(payload, request_id)
        except InvokeRefused as refused:
            if refused.code == "TooManyRequestsException":
                self._publish("AWS/Lambda", metrics.of_lambda(name, Throttles=1))
            raise
        milliseconds = 1_000 * (time.monotonic() - began)
        own = metrics.of_lambda(name, Invocations=1, Errors=answer.error is not None)
        self._publish("AWS/Lambda", own + metrics.of_lambda(name, "Milliseconds", Duration=milliseconds))
        return answer

    def _start_instance(self, name: str) -> Instance:
        spec, stream = self.given[name], f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._server.folder))
        environment = {
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **({"AWS_ENDPOINT_URL": self._endpoint_url} if self._endpoint_url else {}),
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency" if spec.provisioned else "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "_HANDLER": spec.handler,
            "TMPDIR": str(folder),
            "TZ": ":UTC",
            **spec.environment,
        }
        log = LogStream(stream, lambda request_id, lines: self._take_lines(name, stream, request_id, lines))
        return Instance(spec, *self._server.fork(spec.handler, environment, spec.code), log, folder)

    def _take_lines(self, name: str, stream: str, request_id: str, lines: list[bytes]) -> None:
        with suppress(FileNotFoundError), (self.log_dir / f"{name}.log").open("ab", buffering=0) as file:
            file.write(b"".join(b"%s %s\n" % (request_id.encode(), line) for line in lines))
        self._on_log(f"/aws/lambda/{name}", stream, lines)
        for line in lines:
            for namespace, data in metrics.parse(line):
                self._publish(namespace, data)

    def _publish(self, namespace: str, data: metrics.MetricData) -> None:
        try:
            self._on_metrics(namespace, data)
        except Exception:
            _log.exception("metrics of functions were lost")
