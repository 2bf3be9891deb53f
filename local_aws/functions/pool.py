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

from local_aws.account import REGION, arn
from local_aws.functions.fork_server import NO_FILES
from local_aws.functions.forking import ForkServer, inherited_environment
from local_aws.functions.instance import Instance
from local_aws.functions.instances import Instances
from local_aws.functions.logs import FunctionLog, LogStream
from local_aws.functions.metrics import MetricsForwarder, OnMetrics
from local_aws.functions.model import (
    MOST_EVENT_BYTES,
    MOST_SYNCHRONOUS_BYTES,
    FunctionSpec,
    Invocation,
    InvokeRefused,
)

_EVENTS_AT_ONCE: Final = 8
_CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
}
_log = logging.getLogger(__name__)


class FunctionPool:
    """Serves functions; a context manager. Every method may be called by many threads at once.

    Args:
        functions: by physical name.
        log_dir: gets NAME.log of each function, and fork-server.log.
        endpoint_url: where functions find AWS (AWS_ENDPOINT_URL).
        modules: imported once for all functions; none may start a thread or open a file.
        services: of AWS, whose clients most functions make.
        on_metrics: gets the metrics that functions print, in a thread of its own.
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
        on_metrics: OnMetrics = lambda namespace, data: None,
        patience_seconds: float = 10.0,
        retry_seconds: tuple[float, ...] = (1.0, 2.0),
    ) -> None:
        self._given, self.log_dir = functions, log_dir
        self._endpoint_url, self._preloaded = endpoint_url, (modules, services)
        self._patience, self._retries = patience_seconds, retry_seconds
        self._metrics = MetricsForwarder(on_metrics)
        self._functions: dict[str, Instances] = {}
        self._logs: dict[str, FunctionLog] = {}
        self._resources = ExitStack()
        self._stopping = threading.Event()
        self._events = ThreadPoolExecutor(_EVENTS_AT_ONCE, thread_name_prefix="function-events")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the fork server without waiting for its imports, nor for the provisioned instances."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="functions-"))
        self._resources.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._metrics.start()
        self._resources.callback(self._metrics.stop)
        self._resources.callback(self._events.shutdown, cancel_futures=True)
        self._server = ForkServer(self.folder, self.log_dir / "fork-server.log", *self._preloaded)
        self._resources.callback(self._server.stop)
        self._server.start()
        for name, spec in self._given.items():
            self.define(name, spec)

    def stop(self) -> None:
        """Kill every instance, also in the middle of an invocation, which answers an error. Twice is once."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        for name in list(self._functions):
            self.forget(name)
        self._resources.close()

    def is_given(self, name: str) -> bool:
        """Whether the pool was made with this function."""
        return name in self._given

    def define(self, name: str, spec: FunctionSpec) -> None:
        """Serve a function from now on, in place of one of the same name."""
        self.forget(name)
        if name not in self._logs:
            self._logs[name] = self._resources.enter_context(FunctionLog(self.log_dir / f"{name}.log"))
        self._functions[name] = Instances(spec, self._starter(name, spec, self._logs[name]), self._patience)
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
        self._found(name)
        if len(payload) > most_bytes:
            kind = "Event" if most_bytes == MOST_EVENT_BYTES else "RequestResponse"
            message = f"{len(payload)} byte payload is too large for the {kind} invocation type"
            raise InvokeRefused(
                "RequestEntityTooLargeException", 413, f"{message} (limit {most_bytes} bytes)"
            )
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

    def _provision(self, name: str) -> None:
        with suppress(InvokeRefused, KeyError):  # stopped meanwhile; whatever else it is, a call will tell
            self._functions[name].provision()

    def _deliver(self, name: str, payload: bytes, request_id: str) -> None:
        tries = iter(self._retries)
        while not self._stopping.is_set():
            try:
                if self._invoke(name, payload, request_id).error is None:
                    return
                wait = next(tries, None)
            except InvokeRefused:  # throttled: this does not count as a try
                wait = self._patience
            if wait is None:
                _log.error("an event was given up after its retries: %s %s", name, request_id)
                return
            self._stopping.wait(wait)

    def _invoke(self, name: str, payload: bytes, request_id: str) -> Invocation:
        try:
            with self._found(name).instance() as instance:
                began = time.monotonic()
                answer = instance.invoke(payload, self._context(name, request_id, instance))
        except InvokeRefused as refused:
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._metrics.take_throttle(name)
            raise
        self._metrics.take_invocation(name, time.monotonic() - began, failed=answer.error is not None)
        return answer

    def _found(self, name: str) -> Instances:
        function = self._functions.get(name)
        if function is None:
            missing = arn("lambda", f"function:{name}")
            raise InvokeRefused("ResourceNotFoundException", 404, f"Function not found: {missing}")
        return function

    def _context(self, name: str, request_id: str, instance: Instance) -> dict[str, object]:
        return {
            "function_name": name,
            "invoked_function_arn": arn("lambda", f"function:{name}"),
            "memory_limit_in_mb": str(instance.spec.memory_mb),
            "aws_request_id": request_id,
            "log_group_name": f"/aws/lambda/{name}",
            "log_stream_name": instance.name,
        }

    def _starter(self, name: str, spec: FunctionSpec, log: FunctionLog) -> Callable[[], Instance]:
        """What starts an instance of a function."""
        numbers = itertools.count(1)

        def start() -> Instance:
            stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{next(numbers):032x}"
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
            environment = self._environment(name, spec) | {
                "AWS_LAMBDA_LOG_STREAM_NAME": stream,
                "TMPDIR": str(folder),
            }
            fork = self._server.fork(spec.handler, environment, spec.code)
            return Instance(spec, fork, LogStream(log, self._metrics.take), folder, stream)

        return start

    def _environment(self, name: str, spec: FunctionSpec) -> dict[str, str]:
        """What Lambda sets, and the function's own; of this process only what Python itself needs."""
        return {
            **inherited_environment(),
            **_CREDENTIALS,
            **NO_FILES,
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
