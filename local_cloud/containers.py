"""The model containers on one machine: each a real server process, as SageMaker would start it.

Only the wrapping differs from an image: the port is a free one of the loopback interface, and the process
ends when its parent does, even when that was killed (see `exit_with_stdin` in hybrid_ocr.settings).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from hybrid_ocr.contracts.errors import EngineError, ErrorCode
from hybrid_ocr.settings import PREFIX
from local_cloud.client import EndpointClient

__all__ = ["Container", "ContainerFleet", "ContainerProcess", "EndpointClient"]

_POLL_SECONDS: Final = 0.025
_PING_SECONDS: Final = 2.0
_STOP_SECONDS: Final = 5.0
_MOMENT_SECONDS: Final = 0.5
_LOG_TAIL_LINES: Final = 5
_FAILED_LEVELS: Final = frozenset({"ERROR", "CRITICAL"})


@dataclass(frozen=True)
class Container:
    """A container to start.

    Args:
        name: of the container, its log file and its URL.
        model_dir: the unpacked model artefact; None for a stage that has none.
        module: what runs, as in `python -m MODULE serve`; by default the endpoint of that name.
        settings: fields of `ContainerSettings` that differ from this process's own environment.
        environment: other variables.
        python: the interpreter of the environment that has what the container's engine needs.
    """

    name: str
    model_dir: Path | None
    module: str = ""
    settings: Mapping[str, str | int | float | Path | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)

    def command(self) -> list[str]:
        """The command line; -P keeps modules of the working directory from being imported by accident."""
        return [str(self.python), "-P", "-m", self.module or f"endpoints.{self.name}", "serve"]

    def variables(self) -> dict[str, str]:
        """The environment of the process."""
        fixed = {"host": "127.0.0.1", "port": 0, "exit_with_stdin": "true", "model_dir": self.model_dir}
        told = {**self.settings, **fixed}
        named = {PREFIX + name.upper(): str(value) for name, value in told.items() if value is not None}
        return {**os.environ, **self.environment, **named}


class ContainerFleet:
    """Starts containers together, waits until all are ready, and stops them; a context manager.

    `start` may run in another thread than the rest; `stop` ends it early.

    Args:
        containers: what to start.
        log_dir: where each container's log goes, as NAME.log; a temporary folder unless given.
        ready_seconds: how long all of them together may take to get ready.
    """

    def __init__(
        self, containers: Sequence[Container], *, log_dir: Path | None = None, ready_seconds: float = 60.0
    ) -> None:
        self._containers, self._log_dir, self._ready_seconds = containers, log_dir, ready_seconds
        self._running: dict[str, ContainerProcess] = {}
        self._resources = ExitStack()
        self._changing = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all and wait until each answers /ping with 200; what was started ends where one fails.

        Raises:
            EngineError: one of them ended, or was not ready in time; the text has the end of its log.
        """
        try:
            with self._changing:
                if self._stopped:
                    raise EngineError("the containers were stopped before they had started")
                self._spawn()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all: SIGTERM, and SIGKILL for one that does not drain in time. Twice is once."""
        with self._changing:
            self._stopped = True
            for process in self._running.values():
                process.terminate()
            deadline = time.monotonic() + _STOP_SECONDS
            for process in self._running.values():
                process.reap(max(0.0, deadline - time.monotonic()))
            self._resources.close()

    def _spawn(self) -> None:
        log_dir = self._log_dir or Path(self._resources.enter_context(tempfile.TemporaryDirectory()))
        log_dir.mkdir(parents=True, exist_ok=True)
        for container in self._containers:
            self._running[container.name] = ContainerProcess(container, log_dir / f"{container.name}.log")

    @property
    def urls(self) -> dict[str, str]:
        """Where each container listens."""
        return {name: process.url or "" for name, process in self._running.items()}

    @property
    def pids(self) -> dict[str, int]:
        """The process of each container."""
        return {name: process.pid for name, process in self._running.items()}

    def client(self, name: str, *, deadline_seconds: float = 120.0) -> EndpointClient:
        """A client of one container; a container that died is an EngineError that quotes its log."""
        process = self._running[name]
        return EndpointClient(process.url or "", deadline_seconds=deadline_seconds, check=process.check)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        waiting = list(self._running.values())
        while waiting := [process for process in waiting if not process.is_ready()]:
            if time.monotonic() > deadline:
                raise waiting[0].error(f"was not ready within {self._ready_seconds:g} s")
            time.sleep(_POLL_SECONDS)


class ContainerProcess:
    """One running container.

    Args:
        container: what to start.
        log: the file that its output goes to.
    """

    def __init__(self, container: Container, log: Path) -> None:
        self.url: str | None = None
        self._name, self._log = container.name, log
        with log.open("wb") as sink:
            self._popen = subprocess.Popen(
                container.command(),
                env=container.variables(),
                stdin=subprocess.PIPE,  # its end is the parent's end
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C goes to the parent alone, which then stops its containers
            )
        self.pid = self._popen.pid

    def is_ready(self) -> bool:
        """Whether /ping answers 200; raises EngineError where the process has ended."""
        if self._popen.poll() is not None:
            raise self.error(f"ended with status {self._popen.returncode} before it was ready")
        self.url = self.url or self._listening()
        if not self.url:
            return False
        ping = HTTPConnection(urlsplit(self.url).netloc, timeout=_PING_SECONDS)
        try:
            ping.request("GET", "/ping")
            return ping.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            ping.close()

    def check(self) -> None:
        """Raise EngineError where the process has ended, or ends within a moment."""
        if self.has_ended():
            raise self.error(f"ended with status {self._popen.returncode}")

    def has_ended(self) -> bool:
        """Whether the process has ended, or ends within a moment."""
        try:
            self._popen.wait(timeout=_MOMENT_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def error(self, what: str) -> EngineError:
        """What happened to this container: the last error of its log, or the log's end where it has none."""
        lines = self._lines()
        errors = (entry for entry in map(_entry, reversed(lines)) if entry.get("level") in _FAILED_LEVELS)
        entry = next(errors, {})
        why = entry.get("message") or " | ".join(lines[-_LOG_TAIL_LINES:])
        code = ErrorCode(entry.get("code", ErrorCode.ENGINE_FAILED))
        return EngineError(f"container {self._name} {what}: {why[-1500:]}", code=code)

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._popen.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()

    def wait(self) -> int:
        """Wait for its end, however it comes; its exit status."""
        return self._popen.wait()

    def reap(self, seconds: float) -> None:
        """Wait for its end, and kill it where that does not come."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._popen.stdin:
            self._popen.stdin.close()

    def _listening(self) -> str | None:
        """The URL that the log's line `listening` names, once it is there."""
        for line in self._lines():
            if '"message": "listening"' in line:
                told = json.loads(line)
                return f"http://{told['host']}:{told['port']}"
        return None

    def _lines(self) -> list[str]:
        """The whole lines of its log; one that is still being written has no end yet."""
        try:
            return self._log.read_text(errors="replace").split("\n")[:-1]
        except FileNotFoundError:  # stopped, and its temporary folder with it
            return []


def _entry(line: str) -> dict[str, Any]:
    """A line of the log; nothing where it is no JSON object, as what a dying runtime prints."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
