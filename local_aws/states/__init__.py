"""moto's interpreter of the States Language, made faithful and fast enough for many documents at once."""

from __future__ import annotations

from contextlib import AbstractContextManager

from local_aws.states import executions, histories, maps, speed, stops, tokens  # noqa: F401 - each adds its seams
from local_aws.states.seams import SEAMS
from local_aws.states.stops import stop_all

__all__ = ["running", "stop_all"]


def running(*, retry_scale: float = 1.0) -> AbstractContextManager[None]:
    """State machines run as in AWS inside the block.

    Args:
        retry_scale: what the waits of Retry are multiplied with; 0 retries at once. Timeouts and heartbeats
            keep their seconds.
    """
    return SEAMS.installed(retry_scale)
