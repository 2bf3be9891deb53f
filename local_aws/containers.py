"""Model containers on one machine: each a server process, started as SageMaker would start its image.

Only the wrapping differs from an image: the process is told a free port of the loopback interface in place of
8080, and the end of its standard input tells it that whoever started it is gone, however that came.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from local_aws.errors import StartError

_PING_SECONDS: Final = 2.0
_MOMENT_SECONDS: Final = 0.5
_LOG_TAIL_LINES: Final = 5
_FAILED_LEVELS: Final = frozenset({"ERROR", "CRITICAL"})
_PORTS: Final = range(10_240, 32_768)
"""Below those that the kernel gives to connections, which come and go by the hundred."""


@dataclass(frozen=True)
class Container:
    """A container to start.

    Args:
        name: of the container and of its log file.
        command: what runs; it must serve /ping and /invocations.
        environment: variables over those of this process.
        port_variable: the variable that tells it where to listen.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    port_variable: str = "SAGEMAKER_BIND_TO_PORT"


class ContainerProcess:
    """One running container.

    Args:
        container: what to start.
        log: the file that its output goes to.
    """

    def __init__(self, container: Container, log: Path) -> None:
        self.address = f"127.0.0.1:{_free_port()}"
        self.log = log
        self._name = container.name
        port = {container.port_variable: self.address.rpartition(":")[2]}
        with log.open("wb") as sink:
            self._popen = subprocess.Popen(
                container.command,
                env={**os.environ, **container.environment, **port},
                stdin=subprocess.PIPE,  # its end is the parent's end
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C goes to the parent alone, which then stops its containers
            )
        self.pid = self._popen.pid
        self.terminate, self.kill, self.wait = self._popen.terminate, self._popen.kill, self._popen.wait
        """Ask it to drain and end; end it at once; wait for its end, however it comes: its exit status."""

    def is_ready(self) -> bool:
        """Whether /ping answers 200; raises StartError where the process has ended."""
        if self._popen.poll() is not None:
            raise self.error(f"ended with status {self._popen.returncode} before it was ready")
        ping = HTTPConnection(self.address, timeout=_PING_SECONDS)
        try:
            ping.request("GET", "/ping")
            return ping.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            ping.close()

    def has_ended(self) -> bool:
        """Whether the process has ended, or ends within a moment."""
        try:
            self._popen.wait(timeout=_MOMENT_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def error(self, what: str) -> StartError:
        """What happened to this container: the last error of its log, or the log's end where it has none."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        errors = (entry for entry in map(_entry, reversed(lines)) if entry.get("level") in _FAILED_LEVELS)
        entry = next(errors, {})
        why = str(entry.get("message") or " | ".join(lines[-_LOG_TAIL_LINES:]))
        return StartError(f"container {self._name} {what}: {why[-1500:]}", entry)

    def reap(self, seconds: float) -> None:
        """Wait for its end, and kill it where that does not come."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._popen.stdin:
            self._popen.stdin.close()


def _free_port() -> int:
    """A port that nobody listens on."""
    while True:
        port = secrets.choice(_PORTS)  # whatever seeds `random` alike in two processes
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def _entry(line: str) -> dict[str, Any]:
    """A line of the log; nothing where it is no JSON object, as what a dying runtime prints."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
