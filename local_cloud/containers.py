"""The model containers on one machine: each a real server process, as SageMaker would start it.

Only the wrapping differs from an image: the port is a free one of the loopback interface, and the process
ends when its parent does, even when that was killed (see `exit_with_stdin` in hybrid_ocr.settings).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hybrid_ocr.contracts.errors import EngineError, ErrorCode
from hybrid_ocr.contracts.names import VARIABLE_PREFIX

__all__ = ["Container", "ContainerProcess"]

_PING_SECONDS: Final = 2.0
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
        named = {
            VARIABLE_PREFIX + name.upper(): str(value) for name, value in told.items() if value is not None
        }
        return {**os.environ, **self.environment, **named}


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
