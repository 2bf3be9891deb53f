"""Calls at a later time, from one thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Later:
    """Runs short actions when their delay is over; what is not due when it stops is dropped."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="aws-later", daemon=True)

    def start(self) -> None:
        """Begin to run what is due."""
        self._thread.start()

    def stop(self) -> None:
        """Run nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def call(self, delay: float, action: Callable[[], object]) -> None:
        """Run an action after `delay` seconds; at once, in the thread of the caller, when there is none."""
        if delay <= 0:
            action()
            return
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), action))
            self._changed.notify()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            try:
                action()
            except Exception:
                _log.exception("a delayed delivery failed")

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None
