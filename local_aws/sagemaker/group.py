"""The instances of a model: as many as are wanted; a dead one is replaced, one too many drains."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Final

from local_aws.containers import Container, ContainerProcess
from local_aws.errors import LocalAwsError, StartError
from local_aws.sagemaker.instance import Instance
from local_aws.sagemaker.limits import RuntimeLimits

Launch = Callable[[Container, Path], ContainerProcess]
"""Starts a container, given the file its log goes to."""

_POLL_SECONDS: Final = 0.025
_STOP_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 3_600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a failed start is tried again

log = logging.getLogger(__name__)


def known_error(error: Exception) -> LocalAwsError:
    """The same, or a StartError that names what is no error of the local AWS."""
    return error if isinstance(error, LocalAwsError) else StartError(f"{type(error).__name__}: {error}")


class InstanceGroup:
    """Keeps as many instances of one container running as it was last resized to; safe between threads.

    Args:
        name: of the group; each container that starts has a log of its own, NAME-1.log and so on.
        container: makes the container; called for the first instance, in that one's thread.
        log_dir: where logs go.
        launch: starts a container.
        limits: say how long an instance takes to come.
        startup_seconds: how long a container may take until /ping answers 200.
        changed: called with the group after `ready` has changed.
    """

    def __init__(
        self,
        name: str,
        container: Callable[[], Container],
        log_dir: Path,
        launch: Launch,
        limits: RuntimeLimits,
        *,
        startup_seconds: float,
        changed: Callable[[InstanceGroup], None],
    ) -> None:
        self.name, self.limits, self.startup_seconds = name, limits, startup_seconds
        self.ready: tuple[Instance, ...] = ()
        """Those that take work, the longest running one first."""
        self.logs: list[tuple[str, Path]] = []
        """The id and the log of every instance there has been."""
        self._make, self._log_dir, self._launch, self._notify = container, log_dir, launch, changed
        self._changed = threading.Condition()
        self._places: list[_Place] = []
        self._numbers = count(1)
        self._container: Container | None = None
        self._failure: LocalAwsError | None = None
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
            LocalAwsError: a container could not start, or not in time.
        """
        limits = self.limits
        seconds = limits.provisioning_seconds + limits.ready_after_seconds + self.startup_seconds
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
        for place in places:
            place.end()
        deadline = time.monotonic() + _STOP_SECONDS
        for place in places:
            place.thread.join(max(0.0, deadline - time.monotonic()))
            place.end(kill=True)
            place.thread.join(_STOP_SECONDS)

    def spawn(self) -> ContainerProcess:
        """Start a container; raises what making or starting it does."""
        with self._changed:
            self._container = self._container or self._make()
            file = self._log_dir / f"{self.name}-{next(self._numbers)}.log"
        self._log_dir.mkdir(parents=True, exist_ok=True)
        process = self._launch(self._container, file)
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
        known = known_error(error)
        log.error("an instance of %s could not start: %s", self.name, known.message)
        with self._changed:
            self._failure = known
            self._changed.notify_all()


class _Place:
    """One instance after another, until it is retired.

    It has a thread that starts the container, waits for its end and starts it again, so that nothing is
    polled once it is ready.
    """

    def __init__(self, group: InstanceGroup) -> None:
        self._group = group
        self._ready_from = time.monotonic() + group.limits.ready_after_seconds
        self._unwanted = threading.Event()
        self._lock = threading.Lock()
        self._process: ContainerProcess | None = None
        self._instance: Instance | None = None
        self.thread = threading.Thread(target=self._keep_running, name=f"instance-{group.name}", daemon=True)
        self.thread.start()

    def retire(self) -> None:
        """Take no new work, drain and end; returns at once."""
        with self._lock:
            self._unwanted.set()
            if self._instance:
                self._group.leave(self._instance)
        threading.Thread(target=self._drain_and_end, daemon=True).start()

    def end(self, *, kill: bool = False) -> None:
        """Ask the container to end now, or end it."""
        with self._lock:
            self._unwanted.set()
            if self._process:
                (self._process.kill if kill else self._process.terminate)()

    def _drain_and_end(self) -> None:
        if self._instance:
            self._instance.drain(_DRAIN_SECONDS)
        self.end()

    def _keep_running(self) -> None:
        self._unwanted.wait(self._group.limits.provisioning_seconds)
        pause = _FIRST_PAUSE
        while not self._unwanted.is_set():
            try:
                self._run_once()
                pause = _FIRST_PAUSE
            except Exception as error:
                self._group.fail(error)
                self._unwanted.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _run_once(self) -> None:
        """Start the container, offer it while it lives, and return after its end."""
        process = self._group.spawn()
        try:
            with self._lock:
                self._process = process
            self._wait_until_ready(process)
            with self._lock:
                if self._unwanted.is_set():
                    return
                instance = self._instance = Instance(process, self._group.leave)
                self._group.join(instance)
            status = process.wait()
            self._group.leave(instance)
            instance.close()
            if not self._unwanted.is_set():
                log.warning("an instance of %s ended with %s and is replaced", self._group.name, status)
        finally:
            with self._lock:
                self._process = None
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
