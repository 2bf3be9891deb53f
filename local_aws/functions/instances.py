"""The instances of one function: warm ones first, cold ones on demand, never more than its concurrency."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local_aws.errors import StartError
from local_aws.functions.instance import Instance
from local_aws.functions.model import FunctionSpec, InvokeRefused


class Instances:
    """The instances of one function, to be used by many threads.

    Args:
        spec: of the function.
        start: starts one more.
        patience: seconds that a call waits where all are busy.
    """

    def __init__(
        self, spec: FunctionSpec, start: Callable[[FunctionSpec], Instance], patience: float
    ) -> None:
        self.spec, self._start, self._patience = spec, start, patience
        self._idle: list[Instance] = []
        self._all: set[Instance] = set()
        self._taken = 0
        self._stopped = False
        self._changed = threading.Condition()

    @property
    def pids(self) -> list[int]:
        """Of those that live."""
        with self._changed:
            return sorted(instance.pid for instance in self._all)

    def update(self, spec: FunctionSpec) -> bool:
        """Serve the next invocations as this says; those under way end as they began.

        Returns:
            Whether that takes new instances.
        """
        with self._changed:
            outdated = [instance for instance in self._idle if instance.spec != spec]
            self._idle = [instance for instance in self._idle if instance.spec == spec]
            differs, self.spec = self.spec != spec, spec
            self._changed.notify_all()
        for instance in outdated:
            self._drop(instance)
        return differs

    @contextmanager
    def instance(self, *, warm: bool = True) -> Iterator[Instance]:
        """An instance for one invocation, the one that was used last first.

        Args:
            warm: one that has served before will do.

        Raises:
            InvokeRefused: all are busy for too long, or none can be started.
        """
        with self._place():
            instance = (self._warm() if warm else None) or self._cold()
            try:
                yield instance
            except BaseException:  # such as an interrupt: the answer that is still to come is nobody's
                instance.kill()
                raise
            finally:
                with self._changed:
                    keep = instance.is_usable and instance.spec == self.spec and not self._stopped
                    if keep:
                        self._idle.append(instance)
                if not keep:
                    self._drop(instance)

    def stop(self) -> None:
        """Kill all; calls that wait for one are refused."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            idle, self._idle = self._idle, []
            for instance in self._all:
                instance.kill()
        for instance in idle:
            self._drop(instance)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of so many as may be at work at once."""
        deadline = time.monotonic() + self._patience
        with self._changed:
            while self._taken >= self.spec.concurrency and not self._stopped:
                left = deadline - time.monotonic() if self.spec.concurrency else 0.0
                if left <= 0 or not self._changed.wait(left):
                    raise InvokeRefused("TooManyRequestsException", 429, "Rate Exceeded.")
            if self._stopped:
                raise InvokeRefused("ServiceException", 500, "the function is stopped")
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()

    def _warm(self) -> Instance | None:
        """One that is there and lives."""
        while True:
            with self._changed:
                if not self._idle:
                    return None
                instance = self._idle.pop()
            if instance.is_usable:
                return instance
            self._drop(instance)

    def _cold(self) -> Instance:
        try:
            instance = self._start(self.spec)
        except StartError as error:
            raise InvokeRefused("ServiceException", 500, error.message) from error
        with self._changed:
            self._all.add(instance)
            if self._stopped:
                instance.kill()
        return instance

    def _drop(self, instance: Instance) -> None:
        with self._changed:
            self._all.discard(instance)
        instance.close()
