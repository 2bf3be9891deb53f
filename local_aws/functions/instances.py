"""The instances of one function: warm ones first, cold ones on demand, never more than its concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local_aws.functions.instance import Instance
from local_aws.functions.model import InvokeRefused


class Instances:
    """The instances of one function, to be used by many threads.

    Args:
        start: starts one more.
        concurrency: most at once.
        patience: seconds that a call waits where all are busy.
    """

    def __init__(self, start: Callable[[], Instance], concurrency: int, patience: float) -> None:
        self._start, self._most, self._patience = start, concurrency, patience
        self.concurrency = concurrency
        self._idle: list[Instance] = []
        self._all: set[Instance] = set()
        self._taken = 0
        self._changed = threading.Condition()

    @property
    def pids(self) -> list[int]:
        """Of those that live."""
        return sorted(instance.pid for instance in self._all.copy())

    def limit(self, reserved: int | None = None) -> None:
        """Run fewer at once from now on, or as many as at first."""
        with self._changed:
            self.concurrency = self._most if reserved is None else min(reserved, self._most)
            self._changed.notify_all()

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """An instance for one invocation, the one that was used last first.

        Raises:
            InvokeRefused: all are busy for too long, or none can be started.
        """
        with self._place():
            instance = self._warm() or self._start()
            self._all.add(instance)
            try:
                yield instance
            except BaseException:  # such as an interrupt: the answer that is still to come is nobody's
                instance.kill()
                raise
            finally:
                if instance.is_usable:
                    self._idle.append(instance)
                else:
                    self._drop(instance)

    def close(self) -> None:
        """Close the idle ones; the others are closed by those who use them."""
        while instance := self._warm():
            self._drop(instance)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of so many as may be at work at once."""
        with self._changed:
            patience = self._patience if self.concurrency else 0.0
            if not self._changed.wait_for(lambda: self._taken < self.concurrency, patience):
                raise InvokeRefused("TooManyRequestsException", 429, "Rate Exceeded.")
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
            try:
                instance = self._idle.pop()
            except IndexError:
                return None
            if instance.is_usable:
                return instance
            self._drop(instance)

    def _drop(self, instance: Instance) -> None:
        self._all.discard(instance)
        instance.close()
