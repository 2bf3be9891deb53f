"""The instances of a model: as many as are wanted; a dead one is replaced, one too many drains."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Final

from local_aws.containers import Container, ContainerProcess
from local_aws.errors import StartError
from local_aws.sagemaker.description import EndpointDescription, Model
from local_aws.sagemaker.instance import Instance
from local_aws.sagemaker.limits import RuntimeLimits

_POLL_SECONDS: Final = 0.025
_STOP_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 3_600.0
_PAUSE_SECONDS: Final = 1.0
"""Before a failed start is tried again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hosting:
    """What instances are started with.

    Args:
        containers: the container that serves a model; raises what its start would raise.
        log_dir: where the logs of containers go.
        limits: of the service.
        launch: starts a container, given the file its log goes to.
    """

    containers: Callable[[Model], Container]
    log_dir: Path
    limits: RuntimeLimits = field(default_factory=RuntimeLimits)
    launch: Callable[[Container, Path], ContainerProcess] = ContainerProcess


class InstanceGroup:
    """Keeps as many instances of one model running as it was last resized to; safe between threads.

    Args:
        name: of the group; each container that starts has a log of its own, NAME-1.log and so on.
        description: of the endpoint for which it is made.
        hosting: what instances are started with.
        changed: called with the group after `ready` has changed.
    """

    def __init__(
        self,
        name: str,
        description: EndpointDescription,
        hosting: Hosting,
        changed: Callable[[InstanceGroup], None],
    ) -> None:
        self.name, self.startup_seconds = name, description.startup_seconds
        self.ready_after_seconds = hosting.limits.ready_after_seconds
        self.ready: tuple[Instance, ...] = ()
        """Those that take work, the longest running one first."""
        self.logs: list[tuple[str, Path]] = []
        """The id and the log of every instance there has been."""
        self._model, self._hosting, self._notify = description.model, hosting, changed
        self._changed = threading.Condition()
        self._places: list[_Place] = []
        self._numbers = count(1)
        self._failure: Exception | None = None
        self._stopped = False

    def resize(self, wanted: int) -> None:
        """Start or retire instances; returns at once. Those that retire take no new work and drain."""
        with self._changed:
            while len(self._places) < wanted and not self._stopped:
                self._failure = None
                self._places.append(_Place(self))
            surplus, self._places = self._places[wanted:], self._places[:wanted]
        for place in surplus:
            place.retire()

    def wait_until_ready(self, instances: int) -> None:
        """Wait until that many take work.

        Raises:
            Exception: what making or starting a container raised; StartError where it took too long.
        """
        seconds = self.ready_after_seconds + self.startup_seconds
        with self._changed:
            self._changed.wait_for(lambda: len(self.ready) >= instances or self._failure, seconds)
            if len(self.ready) < instances:
                raise self._failure or StartError(f"{self.name} was not ready within {seconds:g} s")

    def stop(self) -> None:
        """End all at once; work in flight is lost."""
        with self._changed:
            places, self._places, self._stopped = self._places, [], True
            self._failure = StartError(f"{self.name} was stopped")
            self._changed.notify_all()
        with ThreadPoolExecutor(len(places) or 1) as pool:
            pool.map(_Place.end, places)

    def spawn(self) -> ContainerProcess:
        """Start a container; raises what making or starting it does."""
        with self._changed:
            container, number = self._container, next(self._numbers)
        self._hosting.log_dir.mkdir(parents=True, exist_ok=True)
        process = self._hosting.launch(container, self._hosting.log_dir / f"{self.name}-{number}.log")
        self.logs.append((f"i-{token_hex(9)[:17]}", process.log))
        return process

    def join(self, instance: Instance) -> None:
        """An instance takes work from now on."""
        with self._changed:
            self.ready, self._failure = (*self.ready, instance), None
            self._changed.notify_all()
        self._notify(self)

    def leave(self, instance: Instance) -> None:
        """An instance takes no more work; twice is once."""
        with self._changed:
            self.ready = tuple(other for other in self.ready if other is not instance)
        self._notify(self)

    def fail(self, error: Exception) -> None:
        """An instance could not start."""
        log.error("an instance of %s could not start: %s: %s", self.name, type(error).__name__, error)
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    @cached_property
    def _container(self) -> Container:
        return self._hosting.containers(self._model)


class _Place:
    """One instance after another, until it is retired.

    It has a thread that starts the container, waits for its end and starts it again, so that nothing is
    polled once it is ready.
    """

    def __init__(self, group: InstanceGroup) -> None:
        self._group = group
        self._ready_from = time.monotonic() + group.ready_after_seconds
        self._unwanted = threading.Event()
        self._lock = threading.Lock()
        self._process: ContainerProcess | None = None
        self._instance: Instance | None = None
        self._thread = threading.Thread(target=self._keep_running, name=f"instance-{group.name}", daemon=True)
        self._thread.start()

    def retire(self) -> None:
        """Take no new work, drain and end; returns at once."""
        with self._lock:
            self._unwanted.set()
            if self._instance:
                self._group.leave(self._instance)
        threading.Thread(target=self.end, args=(_DRAIN_SECONDS,), daemon=True).start()

    def end(self, drain_seconds: float = 0.0) -> None:
        """End the container, and kill it where it does not; returns when it has ended."""
        with self._lock:
            self._unwanted.set()
        if self._instance:
            self._instance.drain(drain_seconds)
        if self._process:
            self._process.terminate()
            self._process.reap(_STOP_SECONDS)
        self._thread.join(_STOP_SECONDS)

    def _keep_running(self) -> None:
        while not self._unwanted.is_set():
            try:
                self._run_once()
            except Exception as error:
                self._group.fail(error)
                self._unwanted.wait(_PAUSE_SECONDS)

    def _run_once(self) -> None:
        """Start the container, offer it while it lives, and return after its end."""
        process = self._process = self._group.spawn()
        try:
            self._wait_until_ready(process)
            with self._lock:
                if self._unwanted.is_set():
                    return
                instance = self._instance = Instance(process, self._group.leave)
                self._group.join(instance)
            status = process.wait()
            self._group.leave(instance)
            if not self._unwanted.is_set():
                log.warning("an instance of %s ended with %s and is replaced", self._group.name, status)
        finally:
            process.terminate()
            process.reap(_STOP_SECONDS)

    def _wait_until_ready(self, process: ContainerProcess) -> None:
        """Return when it may take work, or is not wanted any more; raises StartError."""
        deadline = time.monotonic() + self._group.startup_seconds
        while not self._unwanted.is_set() and not process.is_ready():
            if time.monotonic() > deadline:
                raise process.error(f"was not ready within {self._group.startup_seconds:g} s")
            self._unwanted.wait(_POLL_SECONDS)
        self._unwanted.wait(max(0.0, self._ready_from - time.monotonic()))
