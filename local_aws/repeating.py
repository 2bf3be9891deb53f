"""Work that is done again and again in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def repeating(work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do it at once, and so many seconds after each time, inside the block; an error of it is logged."""
    stopped = threading.Event()

    def repeat() -> None:
        while True:
            try:
                work()
            except Exception:
                _log.exception("%s failed and is tried again", work)
            if stopped.wait(seconds):
                return

    thread = threading.Thread(target=repeat, name="repeating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
