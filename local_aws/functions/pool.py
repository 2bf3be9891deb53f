"""Functions by name: called and waited for, or sent an event for later."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

from local_aws.account import CREDENTIALS, REGION, arn
from local_aws.functions import metrics
from local_aws.functions.fork_server import NO_FILES
from local_aws.functions.forking import ForkServer, inherited_environment
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

OnLog = Callable[[str, str, list[bytes]], None]
"""Gets a log group, a log stream and lines for it."""

OnDiscard = Callable[[str, bytes, dict[str, str]], None]
"""Gets a function's name, an event, and what Lambda says of it: RequestID, ErrorCode, ErrorMessage."""

_EVENTS_AT_ONCE: Final = 8
_THROTTLED_SECONDS: Final = 1.0
"""Before an event that found no instance, or a failing service, is tried again."""

_numbers = itertools.count(1)
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
        on_metrics: gets the metrics that functions print, and Lambda's own; must not take long.
        on_log: gets the log lines of functions; must not take long.
        on_discard: gets each event that is given up; what it raises counts as one of DeadLetterErrors.
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
        on_metrics: metrics.OnMetrics = _nothing,
        on_log: OnLog = _nothing,
        on_discard: OnDiscard = _nothing,
        patience_seconds: float = 10.0,
        retry_seconds: tuple[float, ...] = (1.0, 2.0),
    ) -> None:
        self.given, self.log_dir = functions, log_dir
        self._endpoint_url, self._preloaded = endpoint_url, (modules, services)
        self._on_metrics, self._on_log, self._on_discard = on_metrics, on_log, on_discard
        self._patience, self._retries = patience_seconds, retry_seconds
        self._functions: dict[str, Instances] = {}
        self._resources = ExitStack()
        self._stopping = threading.Event()
        self._events = ThreadPoolExecutor(_EVENTS_AT_ONCE, thread_name_prefix="function-events")

    def __enter__(self) -> Self:
        """Start the fork server without waiting for its imports, nor for the provisioned instances."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="functions-"))
        self._resources.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._resources.callback(self._events.shutdown, cancel_futures=True)
        self._server = ForkServer(self.folder, self.log_dir / "fork-server.log", *self._preloaded)
        self._resources.callback(self._server.stop)
        self._server.start()
        for name, spec in self.given.items():
            self.define(name, spec)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every instance, also in the middle of an invocation, which answers an error. Twice is once."""
        self._stopping.set()
        for name in list(self._functions):
            self.forget(name)
        self._resources.close()

    def define(self, name: str, spec: FunctionSpec) -> None:
        """Serve a function from now on as this says; invocations under way end as they began."""
        function = self._functions.get(name)
        if function is None:
            self._functions[name] = Instances(
                spec, lambda spec: self._start_instance(name, spec), self._patience
            )
        elif not function.update(spec):
            return
        for _ in range(spec.provisioned):
            self._events.submit(self._provision, name)

    def forget(self, name: str) -> None:
        """Serve a function no more."""
        if function := self._functions.pop(name, None):
            function.stop()

    @property
    def pids(self) -> dict[str, list[int]]:
        """The processes of each function's instances."""
        return {name: function.pids for name, function in list(self._functions.items())}

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
        self._events.submit(self._deliver, self.find(name), name, payload, request_id)
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
        with suppress(InvokeRefused), self.find(name).instance(warm=False) as instance:
            instance.preload()

    def _deliver(self, function: Instances, name: str, payload: bytes, request_id: str) -> None:
        """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html."""
        waits = iter(self._retries)
        while self._functions.get(name) is function:  # an event ends with its function
            try:
                answer = self._invoke(name, payload, request_id)
                if answer.error is None:
                    return
                code, message = 200, str(json.loads(answer.payload)["errorMessage"])
                wait = next(waits, None)
            except InvokeRefused as refused:  # this does not count as a try
                code, message = refused.status, refused.message
                wait = _THROTTLED_SECONDS if function.spec.concurrency else None
            if wait is None:
                about = {"RequestID": request_id, "ErrorCode": str(code), "ErrorMessage": message}
                self._discard(name, payload, about)
                return
            self._stopping.wait(wait)

    def _discard(self, name: str, payload: bytes, about: dict[str, str]) -> None:
        _log.error("an event of %s was given up: %s", name, about)
        self._publish("AWS/Lambda", metrics.of_lambda(name, AsyncEventsDropped=1))
        try:
            self._on_discard(name, payload, about)
        except Exception:
            _log.exception("an event of %s did not reach its dead-letter queue", name)
            self._publish("AWS/Lambda", metrics.of_lambda(name, DeadLetterErrors=1))

    def _invoke(self, name: str, payload: bytes, request_id: str) -> Invocation:
        try:
            with self.find(name).instance() as instance:
                began = time.monotonic()
                answer = instance.invoke(payload, request_id)
        except InvokeRefused as refused:
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._publish("AWS/Lambda", metrics.of_lambda(name, Throttles=1))
            raise
        milliseconds = 1_000 * (time.monotonic() - began)
        own = metrics.of_lambda(name, Invocations=1, Errors=answer.error is not None)
        self._publish("AWS/Lambda", own + metrics.of_lambda(name, "Milliseconds", Duration=milliseconds))
        return answer

    def _start_instance(self, name: str, spec: FunctionSpec) -> Instance:
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{next(_numbers):032x}"
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        environment = {
            **self._environment(name, spec),
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "TMPDIR": str(folder),
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

    def _environment(self, name: str, spec: FunctionSpec) -> dict[str, str]:
        """What Lambda sets, and the function's own; of this process only what Python itself needs."""
        return {
            **inherited_environment(),
            **NO_FILES,
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
            "_HANDLER": spec.handler,
            "TZ": ":UTC",
            **spec.environment,
        }
