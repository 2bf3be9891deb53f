"""What a local AWS raises to whoever starts it. What a client did wrong it is answered over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LocalAwsError(Exception):
    """Base of the two errors below.

    Args:
        message: what is wrong and where.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(LocalAwsError):
    """What was asked for cannot work: a port that is taken, a rule or an endpoint that is not served."""


class StartError(LocalAwsError):
    """A process could not be started, or ended before it was ready.

    Args:
        message: what is wrong and where.
        entry: the last error in its log, where that is a JSON object.
    """

    def __init__(self, message: str, entry: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.entry = dict(entry or {})
