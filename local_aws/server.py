"""The AWS of one machine: moto's services behind routes that answer what moto only fakes."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config
from werkzeug import Request, Response

from local_aws import cloudwatch
from local_aws.account import CREDENTIALS
from local_aws.errors import ConfigurationError
from local_aws.http import serving
from local_aws.moto_server import moto_serving, session
from local_aws.unserved import MotoApplication

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Answer = Callable[[Request, "re.Match[str]"], Response | None]
"""Answers a request, or leaves it to the next route and at last to moto."""
Route = tuple[str, "re.Pattern[str]", Answer]

_RUNS = threading.Lock()  # moto's state is the process's, so a process has one server at a time


class AwsServer:
    """Answers the API of AWS on the loopback interface, for any ordinary client; a context manager.

    Args:
        port: where to listen; 0 is any free port.

    Raises:
        ConfigurationError: on entry, when the port is taken or this process has a server already.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        """Where it listens; known on entry."""
        self._routes: tuple[Route, ...] = ()
        self._moto = MotoApplication()
        self._stack = ExitStack()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.ready = threading.Event()
        """Set by whoever makes the resources; then GET /_local/health answers 200."""
        self.add_route("GET", re.compile("/_local/health"), self._health)

    @property
    def endpoint_url(self) -> str:
        """What boto3 and the AWS CLI take as `--endpoint-url`."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        if not _RUNS.acquire(blocking=False):
            raise ConfigurationError("this process has a local AWS already")
        with ExitStack() as stack:
            stack.callback(_RUNS.release)
            try:
                listening = stack.enter_context(socket.create_server(("127.0.0.1", self.port), backlog=128))
            except OSError as error:
                raise ConfigurationError(f"port {self.port} is not free: {error.strerror}") from None
            self.port = listening.getsockname()[1]
            stack.enter_context(moto_serving(self.port))
            self.metrics = cloudwatch.Metrics()
            stack.enter_context(cloudwatch.SEAMS.installed(self.metrics))
            stack.enter_context(serving(listening, self._answer))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and forget all state. Twice is once."""
        self.ready.clear()
        self._stack.close()

    def add_route(self, method: str, pattern: re.Pattern[str], answer: Answer) -> None:
        """Let `answer` answer where the method is equal and the pattern matches the whole path, before moto.

        The path is percent-decoded. A later route wins over an earlier one.
        """
        self._routes = ((method, pattern, answer), *self._routes)

    def add_routes(self, routes: Iterable[Route]) -> None:
        """Several routes at once."""
        for route in routes:
            self.add_route(*route)

    def client(self, service: str) -> Any:
        """A boto3 client of this server, the same for every caller; safe to share between threads."""
        with self._lock:
            if service not in self._clients:
                client: Any = session().client(  # type: ignore[call-overload]
                    service,
                    endpoint_url=self.endpoint_url,
                    config=Config(max_pool_connections=64, retries={"mode": "standard"}),
                    **CREDENTIALS,
                )
                self._clients[service] = self._stack.enter_context(closing(client))
            return self._clients[service]

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A path arrives as latin-1 characters that stand for its bytes (PEP 3333).
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        for method, pattern, answer in self._routes:
            match = pattern.fullmatch(path) if method == environ["REQUEST_METHOD"] else None
            if match is not None and (response := answer(Request(environ), match)) is not None:
                return response(environ, start_response)
        return self._moto(environ, start_response)

    def _health(self, _request: Request, _match: re.Match[str]) -> Response:
        ready = self.ready.is_set()
        return json_response({"ready": ready}, 200 if ready else 503)


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer for people and tests."""
    return Response(json.dumps(value, indent=2) + "\n", status, content_type="application/json")
