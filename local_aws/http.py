"""HTTP/1.1 in front of a WSGI application: connections are kept, and closed for good on stop.

Werkzeug's own handler closes every connection and waits 10 ms for unread bytes on each; components make
hundreds of small calls.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug import Response
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wsgi import LimitedStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_log = logging.getLogger(__name__)
_OF_THE_CONNECTION: Final = frozenset({"connection", "transfer-encoding"})


class _Handler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped
    """One connection: requests in, whole answers out."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: 40 ms of delayed ACK otherwise
    server: _Server

    def run_wsgi(self) -> None:
        """Answer one request."""
        try:
            body = LimitedStream(self.rfile, int(self.headers.get("Content-Length") or 0))
        except ValueError:
            self.close_connection = True
            self.send_error(400, "Content-Length is no number")
            return
        environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):  # chunked: how much of it was read is not known from here
            self.close_connection = True
        else:
            environ["wsgi.input"] = body
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
            body.exhaust()  # a client that still writes would see a broken connection and no answer
        except ClientDisconnected:
            self.close_connection = True
        except Exception:
            _log.exception("%s %s failed", self.command, environ["PATH_INFO"])
            self.close_connection = True
            self.send_error(500)
        else:
            self._send(*response.get_wsgi_response(environ))

    def _send(self, chunks: Iterable[bytes], status: str, headers: Iterable[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"".join(chunks))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: there are hundreds for each document."""


class _Server(ThreadedWSGIServer):
    """Knows its open connections."""

    def __init__(self, listening: socket.socket, app: WSGIApplication) -> None:
        self._connections: WeakSet[socket.socket] = WeakSet()
        host, port = listening.getsockname()
        super().__init__(host, port, app, handler=_Handler, fd=listening.fileno())

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def server_close(self) -> None:
        """Close the listener, and the connections, which would go on being served."""
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(listening: socket.socket, app: WSGIApplication) -> Iterator[None]:
    """Serve a WSGI application inside the block, a thread for each connection.

    Werkzeug ends the whole process where a port is taken, so it is given a socket that listens already.
    """
    server = _Server(listening, app)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="aws-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
