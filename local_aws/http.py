"""HTTP/1.1 in front of a WSGI application: connections are kept, and closed for good on stop.

Werkzeug's own handler closes every connection and waits 10 ms for unread bytes on each; components make
hundreds of small calls.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer
from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import LimitedStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_log = logging.getLogger(__name__)
_WITHOUT_BODY: Final = frozenset({204, 304})
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
            chunks, status, headers = run_wsgi_app(self.server.app, environ, buffered=True)
            body.exhaust()  # a client that still writes would see a broken connection and no answer
        except ClientDisconnected:
            self.close_connection = True
            return
        except Exception:
            _log.exception("%s %s failed", self.command, environ["PATH_INFO"])
            self.close_connection = True
            self.send_error(500)
            return
        self._send(status, list(headers), b"".join(chunks))

    def _send(self, status: str, headers: list[tuple[str, str]], content: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        if "content-length" not in names and int(code) not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: there are hundreds for each document."""


class _Server(ThreadedWSGIServer):
    """Knows its open connections."""

    def __init__(self, listening: socket.socket, app: WSGIApplication) -> None:
        host, port = listening.getsockname()
        super().__init__(host, port, app, handler=_Handler, fd=listening.fileno())
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Kept connections would go on being served after the listener is gone."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the client was faster
                continue


class HttpServer:
    """Serves a WSGI application on the loopback interface, a thread for each connection.

    Raises:
        OSError: the port is not free.
    """

    def __init__(self, app: WSGIApplication, port: int = 0) -> None:
        # Werkzeug ends the whole process where a port is taken, so it is given a socket that listens already.
        with socket.create_server(("127.0.0.1", port), backlog=ThreadedWSGIServer.request_queue_size) as own:
            self._server = _Server(own, app)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="aws-http", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every connection."""
        BaseWSGIServer.shutdown(self._server)
        self._thread.join()
        self._server.server_close()
        self._server.close_connections()
