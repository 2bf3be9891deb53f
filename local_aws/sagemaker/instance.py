"""One instance of an endpoint: a container process that is ready, and the requests to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from local_aws.containers import ContainerProcess

_HEALTH_SECONDS = 2.0
_CONNECT_SECONDS = 0.25
"""SageMaker's own bounds for a container: /ping answers within 2 s, a socket is accepted within 250 ms."""


class InstanceLostError(Exception):
    """The container closed the connection without an answer."""


class NoAnswerError(Exception):
    """The container did not answer in time."""


@dataclass(frozen=True)
class ContainerAnswer:
    """What a container answered; its body is passed on as it came.

    Attributes:
        headers: by their names in lower case.
        seconds: from the first byte of the request to the last one of the answer.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def content_type(self) -> str:
        """Of the body."""
        return self.headers.get("content-type", "application/octet-stream")


class Instance:
    """A container that is ready; safe to share between threads.

    Args:
        process: it answers /ping.
        ended: called at once when a call finds that the container has ended.
    """

    def __init__(self, process: ContainerProcess, ended: Callable[[Instance], None]) -> None:
        self._process, self._ended = process, ended
        self._changed = threading.Condition()
        self.pid = process.pid
        self.in_flight = 0
        """Requests that it works on, or that are on their way to it."""

    def hold(self, requests: int = 1) -> None:
        """So many more requests are on their way (-1: one is answered); it does not end before them."""
        with self._changed:
            self.in_flight += requests
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until nothing is in flight any more, or that many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.in_flight == 0, seconds)

    def invoke(self, headers: Mapping[str, str], body: bytes, seconds: float) -> ContainerAnswer:
        """Send a request to /invocations; the caller holds the instance meanwhile.

        A container that answers with a server error and then fails its health check is ended, as SageMaker
        does with one whose engine is broken; its group replaces it.

        Raises:
            InstanceLostError: the connection broke before a whole answer had come.
            NoAnswerError: no answer within that many seconds.
        """
        try:
            answer = self._exchange("POST", "/invocations", headers, body, seconds)
        except InstanceLostError:
            if self._process.has_ended():
                self._ended(self)
            raise
        if answer.status >= 500 and self._is_broken():
            self._process.kill()
        return answer

    def _is_broken(self) -> bool:
        """Whether /ping answers so, or not at all; 503 is no more than loading or draining."""
        try:
            return self._exchange("GET", "/ping", {}, b"", _HEALTH_SECONDS).status not in {200, 503}
        except (InstanceLostError, NoAnswerError):
            return True

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> ContainerAnswer:
        started = time.monotonic()
        with closing(HTTPConnection(self._process.address, timeout=_CONNECT_SECONDS)) as connection:
            try:
                connection.connect()
                connection.sock.settimeout(seconds)
                sock = connection.sock  # an answer that ends with its connection takes it away
                connection.request(method, path, body or None, dict(headers))
                response = connection.getresponse()
                sock.settimeout(max(0.001, seconds - (time.monotonic() - started)))
                received = response.read()
            except TimeoutError:
                raise NoAnswerError from None
            except (OSError, HTTPException) as error:
                raise InstanceLostError(type(error).__name__) from None
        fields = {name.lower(): value for name, value in response.getheaders()}
        return ContainerAnswer(response.status, fields, received, time.monotonic() - started)
