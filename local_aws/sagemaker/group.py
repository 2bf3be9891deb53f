"""The instances of a model: as many as are wanted; a dead one is replaced, one too many drains."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from local_aws.containers import Container, ContainerProcess
from local_aws.errors import LocalAwsError, StartError
from local_aws.sagemaker.instance import Instance

_POLL_SECONDS: Final = 0.025
_STOP_SECONDS: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a failed start is tried again

log = logging.getLogger(__name__)


class InstanceGroup:
    """Keeps `wanted` instances of one container running; safe to share between threads.

    Each instance has a thread that starts it, waits for its end and starts it again, so that nothing is
    polled once it is ready.

    Args:
        name: of the group; each container that starts has a log of its own, NAME-1.log and so on.
        container: makes the container; called for the first instance, in that one's thread.
        log_dir: where logs go.
        launch: starts a container, given the file its log goes to.
        provisioning_seconds: how long a new instance takes before its container starts.
        ready_after_seconds: the least time until a new instance takes work, its start included.
        startup_seconds: how long a container may take until /ping answers 200.
        drain_seconds: how long one that is not wanted any more may work on what it has.
    """

    def __init__(
        self,
        name: str,
        container: Callable[[], Container],
        log_dir: Path,
        *,
        provisioning_seconds: float = 0.0,
        ready_after_seconds: float = 0.0,
        launch: Callable[[Container, Path], ContainerProcess] = ContainerProcess,
        startup_seconds: float = 600.0,
        drain_seconds: float = 3_600.0,
    ) -> None:
        self._name, self._make, self._log_dir = name, container, log_dir
        self._launch = launch
        self._provisioning_seconds = provisioning_seconds
        self._ready_after_seconds = ready_after_seconds
        self._startup_seconds, self._drain_seconds = startup_seconds, drain_seconds
        self._changed = threading.Condition()
        self._listeners: dict[str, Callable[[], None]] = {}
        self._places: list[_Place] = []
        self._numbers = count(1)
        self._ready: tuple[Instance, ...] = ()
        self._container: Container | None = None
        self._failure: LocalAwsError | None = None

    @property
    def ready(self) -> tuple[Instance, ...]:
        """Those that take work, the longest running one first."""
        return self._ready

    def listen(self, endpoint: str, changed: Callable[[], None]) -> None:
        """Tell an endpoint whenever `ready` has changed."""
        self._listeners[endpoint] = changed

    def forget(self, endpoint: str) -> None:
        """Tell it no more."""
        self._listeners.pop(endpoint, None)

    def resize(self, wanted: int) -> None:
        """Start or retire instances; returns at once. Those that retire take no new work and drain."""
        with self._changed:
            while len(self._places) < wanted:
                self._failure = None
                self._places.append(_Place(self))
            surplus, self._places = self._places[wanted:], self._places[:wanted]
        for place in surplus:
            place.retire()

    def wait_until_ready(self, instances: int, seconds: float) -> None:
        """Wait until that many take work.

        Raises:
            LocalAwsError: a container could not start, or not in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) >= instances or self._failure, seconds)
            if len(self._ready) < instances:
                raise self._failure or StartError(f"{self._name} was not ready within {seconds:g} s")

    def stop(self) -> None:
        """End all at once; work in flight is lost."""
        with self._changed:
            places, self._places = self._places, []
            self._failure = StartError(f"{self._name} was stopped")
            self._changed.notify_all()
        for place in places:
            place.end()
        deadline = time.monotonic() + _STOP_SECONDS
        for place in places:
            place.thread.join(max(0.0, deadline - time.monotonic()))
            place.kill()
            place.thread.join(_STOP_SECONDS)

    def _spawn(self) -> ContainerProcess:
        with self._changed:
            if self._container is None:
                self._container = self._make()
            log_file = self._log_dir / f"{self._name}-{next(self._numbers)}.log"
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self._launch(self._container, log_file)

    def _joined(self, instance: Instance) -> None:
        with self._changed:
            self._ready, self._failure = (*self._ready, instance), None
            self._changed.notify_all()
        self._tell()

    def _left(self, instance: Instance) -> None:
        with self._changed:
            self._ready = tuple(other for other in self._ready if other is not instance)
            self._changed.notify_all()
        self._tell()

    def _failed(self, error: LocalAwsError) -> None:
        log.error("an instance of %s could not start: %s", self._name, error.message)
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _tell(self) -> None:
        for listener in list(self._listeners.values()):
            listener()


class _Place:
    """One instance after another, until it is retired."""

    def __init__(self, group: InstanceGroup) -> None:
        self._group = group
        self._ready_from = time.monotonic() + group._ready_after_seconds
        self._unwanted = threading.Event()
        self._lock = threading.Lock()
        self._process: ContainerProcess | None = None
        self._instance: Instance | None = None
        self.thread = threading.Thread(
            target=self._keep_running, name=f"instance-of-{group._name}", daemon=True
        )
        self.thread.start()

    def retire(self) -> None:
        """Take no new work, drain and end; returns at once."""
        with self._lock:
            self._unwanted.set()
            if self._instance:
                self._group._left(self._instance)
        threading.Thread(target=self._drain_and_end, daemon=True).start()

    def end(self) -> None:
        """Ask the container to end now."""
        with self._lock:
            self._unwanted.set()
            if self._process:
                self._process.terminate()

    def kill(self) -> None:
        """End the container at once, where it has not ended yet."""
        with self._lock:
            if self._process:
                self._process.kill()

    def _drain_and_end(self) -> None:
        if self._instance:
            self._instance.drain(self._group._drain_seconds)
        self.end()

    def _keep_running(self) -> None:
        self._unwanted.wait(self._group._provisioning_seconds)
        pause = _FIRST_PAUSE
        while not self._unwanted.is_set():
            try:
                self._run_once()
                pause = _FIRST_PAUSE
            except Exception as error:
                known = (
                    error
                    if isinstance(error, LocalAwsError)
                    else StartError(f"{type(error).__name__}: {error}")
                )
                self._group._failed(known)
                self._unwanted.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _run_once(self) -> None:
        """Start the container, offer it while it lives, and return after its end."""
        process = self._group._spawn()
        try:
            with self._lock:
                self._process = process
                if self._unwanted.is_set():
                    process.terminate()
            if not self._becomes_ready(process):
                return
            if self._unwanted.wait(max(0.0, self._ready_from - time.monotonic())):
                return
            with self._lock:
                if self._unwanted.is_set():
                    return
                instance = self._instance = Instance(process, self._group._left)
                self._group._joined(instance)
            status = process.wait()
            self._group._left(instance)
            instance.close()
            if not self._unwanted.is_set():
                log.warning("an instance of %s ended with %s and is replaced", self._group._name, status)
        finally:
            with self._lock:
                self._process = None
            process.terminate()
            process.reap(_STOP_SECONDS)

    def _becomes_ready(self, process: ContainerProcess) -> bool:
        deadline = time.monotonic() + self._group._startup_seconds
        while time.monotonic() < deadline:
            if process.is_ready():
                return True
            if self._unwanted.wait(_POLL_SECONDS):
                return False
        raise process.error(f"was not ready within {self._group._startup_seconds:g} s")
