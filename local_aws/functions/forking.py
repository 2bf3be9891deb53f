"""The pool's end of the fork server: starts it, asks it for processes, ends it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from local_aws.errors import StartError
from local_aws.functions.fork_server import ENVIRONMENT

_STOP_SECONDS: Final = 5.0
_PROGRAM: Final = (
    "import json, sys; given = json.loads(sys.argv[3]); sys.path[:] = given['path']; "
    "from local_aws.functions.fork_server import main; "
    "main(int(sys.argv[1]), sys.argv[2], given['modules'], given['services'])"
)
"""A program of its own: nothing of the caller's main module is imported, or run, a second time."""


class ForkServer:
    """Starts the fork server, and again should somebody have killed it.

    Args:
        folder: what instances may write to; removed by the server at its end.
        log: where the server's own standard error goes.
        modules: imported before any fork.
        services: of AWS, whose clients functions make.
    """

    def __init__(self, folder: Path, log: Path, modules: Sequence[str], services: Sequence[str]) -> None:
        self._folder, self._log = folder, log
        self._preloaded = {"modules": list(modules), "services": list(services)}
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._asking = threading.Lock()

    def start(self) -> None:
        """Start it without waiting for its imports."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = json.dumps({"path": sys.path, **self._preloaded})
        with theirs, self._log.open("ab") as log:
            popen = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), self._folder, given],
                env={**inherited_environment(), **ENVIRONMENT},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # neither Ctrl-C nor a signal to the caller's group reaches it
            )
        self._running = popen, ours

    def stop(self) -> None:
        """End it and every instance. Twice is once."""
        with self._asking:
            if self._running is None:
                return
            popen, control = self._running
            self._running = None
            control.close()
            try:
                popen.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()

    def fork(self, handler: str, environment: Mapping[str, str], code: Path | None) -> tuple[Connection, int]:
        """A new process, which loads the handler next: the link to it, and a descriptor of what it writes.

        Raises:
            StartError: the server is stopped, or cannot be started.
        """
        request = {"handler": handler, "environment": environment, "code": str(code) if code else None}
        link, their_link = Pipe()
        log, their_log = os.pipe()
        os.set_blocking(log, False)
        try:
            self._ask(json.dumps(request).encode(), [their_link.fileno(), their_log])
        except BaseException:
            link.close()
            os.close(log)
            raise
        finally:
            their_link.close()
            os.close(their_log)
        return link, log

    def _ask(self, request: bytes, fds: list[int]) -> None:
        with self._asking:
            if self._running is None:
                raise StartError("the functions are stopped")
            if self._running[0].poll() is not None:
                self._running[1].close()
                self.start()
            try:
                socket.send_fds(self._running[1], [request], fds)
            except OSError as error:
                raise StartError(f"the fork server does not listen: {error}") from error


def inherited_environment() -> dict[str, str]:
    """What a function sees of the caller's environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG"} or name.startswith("PYTHON")
    }
