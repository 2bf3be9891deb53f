"""The waits between attempts, shorter where a test asks for it."""

from __future__ import annotations

import time
from types import SimpleNamespace

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl


def install(scale: float) -> None:
    """Multiply every wait of a Retry; its interval, backoff, longest delay and jitter stay moto's."""
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale))
