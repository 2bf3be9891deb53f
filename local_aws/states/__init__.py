"""moto's interpreter of the States Language, made faithful and fast enough for many documents at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from local_aws.states import executions, maps, retries, speed, stops, tokens

__all__ = ["running"]


@contextmanager
def running(*, retry_scale: float = 1.0) -> Iterator[None]:
    """State machines run as in AWS inside the block.

    Args:
        retry_scale: what the waits of Retry are multiplied with; 0 retries at once. Timeouts and heartbeats
            keep their seconds.
    """
    with ExitStack() as stack:
        stack.enter_context(retries.SEAMS.installed(retry_scale))
        for part in (speed, tokens, maps, executions, stops):
            stack.enter_context(part.SEAMS.installed())
        yield
