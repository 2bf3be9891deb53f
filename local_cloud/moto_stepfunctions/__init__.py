"""moto's interpreter of the States Language, made faithful and fast enough for many documents at once.

moto 5.2.5 runs state machines for real; where it departs from AWS, or cannot bear a flow of this size, a
function of it is replaced here, each with the reason beside it.
"""

from __future__ import annotations

from typing import Final

from moto.core.config import default_user_config

from local_cloud.moto_stepfunctions import executions, maps, retries, speed, stops, tokens

__all__ = ["install"]

_PARTS: Final = (speed, tokens, maps, executions, stops)
_installed: set[str] = set()


def install(*, retry_scale: float = 1.0) -> None:
    """Let moto run state machines, with all remedies in place. A second call changes the scale alone.

    Args:
        retry_scale: what the waits of Retry are multiplied with; 0 retries at once. Timeouts and heartbeats
            keep their seconds.
    """
    default_user_config.setdefault("stepfunctions", {})["execute_state_machine"] = True
    retries.install(retry_scale)
    for part in _PARTS:
        if part.__name__ not in _installed:
            part.install()
            _installed.add(part.__name__)
