"""Containers as real processes for tests, and calls of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

import httpx

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.errors import ErrorInfo
from local_aws.containers import Container, ContainerProcess

AnswerT = TypeVar("AnswerT", bound=Message)
READY_WITHIN = 120.0
CALL_WITHIN = 120.0


class ContainerFleet:
    """Starts containers together and waits until all are ready; a context manager.

    Raises EngineError where one ends before it is ready; what was started ends then.
    """

    def __init__(
        self,
        containers: Sequence[Container],
        *,
        log_dir: Path | None = None,
        ready_seconds: float = READY_WITHIN,
    ) -> None:
        self._containers, self._log_dir, self._ready_seconds = containers, log_dir, ready_seconds
        self._resources = ExitStack()
        self.running: dict[str, ContainerProcess] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = self._log_dir or Path(stack.enter_context(TemporaryDirectory()))
            for container in self._containers:
                process = ContainerProcess(container, folder / f"{container.name}.log")
                stack.callback(self._end, process)
                self.running[container.name] = process
            self._wait_until_ready()
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def urls(self) -> dict[str, str]:
        return {name: f"http://{process.address}" for name, process in self.running.items()}

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.running.items()}

    def invoke(self, name: str, message: Message, answer: type[AnswerT]) -> AnswerT:
        """What a container answers; its errors as they were there."""
        headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}
        said = httpx.post(
            f"{self.urls[name]}/invocations", content=encode(message), headers=headers, timeout=CALL_WITHIN
        )
        if said.status_code != 200:
            raise ErrorInfo.model_validate(said.json()["error"]).as_error()
        return decode(answer, said.content)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._ready_seconds
        waiting = list(self.running.values())
        while waiting := [process for process in waiting if not process.is_ready()]:
            if time.monotonic() > deadline:
                raise waiting[0].error("was not ready in time")
            time.sleep(0.02)

    @staticmethod
    def _end(process: ContainerProcess) -> None:
        process.terminate()
        process.reap(30)
