"""Waiting for what a test needs to happen: as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 120.0
"""Seconds. What has not happened by then never will, whatever else the machine does."""


def until(holds: Callable[[], object], pause: float = 0.01) -> None:
    """Look again and again until it holds; AssertionError where that does not come."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {PATIENCE:g} s"
        time.sleep(pause)
