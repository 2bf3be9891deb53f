"""The pool's end of the fork server: starts it, asks it for instances, ends it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from local_aws.errors import StartError
from local_aws.functions.fork_server import ENVIRONMENT

_STOP_SECONDS: Final = 5.0
_START_SECONDS: Final = 60.0
_PROGRAM: Final = (
    "import json, sys; told = json.loads(sys.argv[3]); sys.path[:] = told['path']; "
    "from local_aws.functions.fork_server import main; "
    "main(int(sys.argv[1]), sys.argv[2], told['modules'], told['services'])"
)
"""A program of its own: nothing of the caller's main module is imported, or run, a second time."""


class Fork:
    """One process forked by the server: its link, its log, and its end.

    Attributes:
        pid: of the process; also of its process group.
        link: to what runs in it.
        log: descriptor of what it and its children write, not blocking.
        pidfd: readable once the process has ended.
    """

    def __init__(self, link: Connection, log: int, status: socket.socket) -> None:
        self.link, self.log, self._status = link, log, status
        status.settimeout(_START_SECONDS)
        try:
            told, fds, _, _ = socket.recv_fds(status, 64, 1)
        except OSError:
            told, fds = b"", []
        if not fds:
            self._close_all()
            raise StartError("the fork server started no instance; its log says why")
        self.pid, self.pidfd = int(told), fds[0]
        os.set_inheritable(self.pidfd, False)

    def has_ended(self, within_seconds: float = 0.0) -> bool:
        """Whether the process is gone, now or within some time."""
        ended = select.poll()
        ended.register(self.pidfd, select.POLLIN)
        return bool(ended.poll(1000 * within_seconds))

    def kill(self) -> None:
        """SIGKILL, unless it has ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def reap(self) -> int | None:
        """Its exit status once it has ended, negative for a signal; None where nobody knows it any more."""
        try:
            told = self._status.recv(64)
        except OSError:
            return None
        return int(told) if told else None

    def close(self) -> None:
        """Let go of it; an instance that is still there takes that as its end."""
        os.close(self.pidfd)
        self._close_all()

    def _close_all(self) -> None:
        self.link.close()
        os.close(self.log)
        self._status.close()


class ForkServer:
    """Starts the fork server, and again should somebody have killed it.

    Args:
        folder: what instances may write to; removed by the server at its end.
        log: where the server's own standard error goes.
        modules: imported before any fork.
        services: of AWS, whose clients functions make.
    """

    def __init__(
        self, folder: Path, log: Path, modules: Sequence[str] = (), services: Sequence[str] = ()
    ) -> None:
        self._folder, self._log = folder, log
        self._preloaded = {"modules": list(modules), "services": list(services)}
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._asking = threading.Lock()

    def start(self) -> None:
        """Start it without waiting for its imports."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._log.open("ab") as log:
            popen = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    _PROGRAM,
                    str(theirs.fileno()),
                    self._folder,
                    json.dumps({"path": sys.path, **self._preloaded}),
                ],
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

    def fork(self, handler: str, environment: Mapping[str, str], code: Path | None = None) -> Fork:
        """A new instance, which loads its handler next.

        Raises:
            StartError: the server is stopped, or cannot be started.
        """
        link, their_link = Pipe()
        log, their_log = os.pipe()
        os.set_blocking(log, False)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [their_link.fileno(), their_log, their_status.fileno()]
        told = {"handler": handler, "environment": dict(environment), "code": str(code) if code else None}
        request = json.dumps(told).encode()
        try:
            self._ask(request, fds)
        except BaseException:
            link.close()
            os.close(log)
            status.close()
            raise
        finally:
            their_link.close()
            os.close(their_log)
            their_status.close()
        return Fork(link, log, status)

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
