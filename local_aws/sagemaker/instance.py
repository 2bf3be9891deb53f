"""One instance of an endpoint: a container process and the connections to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

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
        self._idle: list[HTTPConnection] = []
        self._changed = threading.Condition()
        self.in_flight = 0
        """Invocations that it works on."""
        self._held = 0

    @property
    def pid(self) -> int:
        """Of the container."""
        return self._process.pid

    def invoke(self, headers: Mapping[str, str], body: bytes, seconds: float) -> ContainerAnswer:
        """Send a request to /invocations.

        A container that answers with a server error and then fails its health check is ended, as SageMaker
        does with one whose engine is broken; its group replaces it.

        Raises:
            InstanceLostError: the connection broke before a whole answer had come.
            NoAnswerError: no answer within that many seconds.
        """
        with self._changed:
            self.in_flight += 1
        try:
            answer = self._exchange("POST", "/invocations", headers, body, seconds)
            if answer.status >= 500 and self._is_broken():
                self._process.kill()
            return answer
        except InstanceLostError:
            if self._process.has_ended():
                self._ended(self)
            raise
        finally:
            with self._changed:
                self.in_flight -= 1
                self._changed.notify_all()

    def hold(self, requests: int = 1) -> None:
        """So many more requests are on their way (-1: one is answered); it does not end before them."""
        with self._changed:
            self._held += requests
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until nothing is in flight or on its way any more, or that many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.in_flight == self._held == 0, seconds)

    def close(self) -> None:
        """Close the kept connections."""
        while connection := self._kept():
            connection.close()

    def _is_broken(self) -> bool:
        """Whether /ping says so, or says nothing; 503 is no more than loading or draining."""
        try:
            return self._exchange("GET", "/ping", {}, b"", _HEALTH_SECONDS).status not in {200, 503}
        except (InstanceLostError, NoAnswerError):
            return True

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> ContainerAnswer:
        started = time.monotonic()
        try:
            connection, response = self._send(method, path, headers, body, seconds)
            if connection.sock:  # a server of HTTP/1.0 keeps none
                connection.sock.settimeout(max(0.001, seconds - (time.monotonic() - started)))
            received = response.read()
        except TimeoutError:
            raise NoAnswerError from None
        except (OSError, HTTPException) as error:
            raise InstanceLostError(type(error).__name__) from None
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        fields = {name.lower(): value for name, value in response.getheaders()}
        return ContainerAnswer(response.status, fields, received, time.monotonic() - started)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[HTTPConnection, HTTPResponse]:
        """Send a request and wait for the head of its answer.

        A kept connection may have been closed by the container at any moment: where one breaks, the request
        goes over a new one.
        """
        connection = self._kept()
        while True:
            fresh = connection is None
            connection = connection or self._connected()
            try:
                connection.sock.settimeout(seconds)
                connection.request(method, path, body or None, dict(headers))
                return connection, connection.getresponse()
            except BaseException as error:
                connection.close()
                if fresh or not isinstance(error, ConnectionError):
                    raise
                connection = None

    def _kept(self) -> HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connected(self) -> HTTPConnection:
        connection = HTTPConnection(self._process.address, timeout=_CONNECT_SECONDS)
        connection.connect()
        return connection
