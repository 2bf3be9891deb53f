"""The benchmark's end of the pipe: starts a contestant's process and asks it to read."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

from evaluation.bench.protocol import TimedReading

START_SECONDS = 300.0
PAGE_SECONDS = 300.0
_ROOT = Path(__file__).resolve().parents[2]


class WorkerError(RuntimeError):
    """A contestant did not start, died, hung, or could not read a page."""


class Worker:
    """One contestant's process; a context manager that ends it.

    Args:
        python: the interpreter of its environment.
        module: run with `-m`; serves the protocol.
        settings: given to the contestant.
        environment: added to this process's environment variables.
        page_seconds: a page that takes longer ends the worker.
    """

    def __init__(
        self,
        python: Path,
        module: str,
        settings: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
        page_seconds: float = PAGE_SECONDS,
    ) -> None:
        self._command: Sequence[str] = (str(python), "-m", module, json.dumps(dict(settings)))
        self._environment = os.environ | {"PYTHONPATH": str(_ROOT)} | dict(environment or {})
        self._page_seconds = page_seconds
        self.about: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._errors = TemporaryFile()  # a pipe that nobody reads would fill up and stop the worker
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=self._environment,
        )
        try:
            self._next(START_SECONDS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=10)  # closes its input, which ends it
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    @property
    def pid(self) -> int:
        """Process id; its descendants belong to the contestant too."""
        return self._process.pid

    def read(self, path: Path) -> TimedReading:
        """Have one file read.

        Raises:
            WorkerError: the contestant says so, is gone, or takes too long (and then is gone).
        """
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - opened above
        try:
            pipe.write(json.dumps({"path": str(path)}) + "\n")
            pipe.flush()
        except BrokenPipeError:
            raise WorkerError(self._stderr_tail()) from None
        answer = self._next(self._page_seconds)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return TimedReading.from_json(answer["answer"])

    def _next(self, seconds: float) -> dict[str, Any]:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 - opened above
        alarm = threading.Timer(seconds, self._process.kill)
        alarm.start()
        try:
            line = pipe.readline()
        finally:
            alarm.cancel()
        if not line:
            raise WorkerError(self._stderr_tail())
        message: dict[str, Any] = json.loads(line)
        self.about = message.get("about", self.about)
        return message

    def _stderr_tail(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"exit code {code}: {lines[-1][:500] if lines else 'no message'}"
