"""Times on the command line: a number and a unit."""

from __future__ import annotations

import re
from typing import Final

from hybrid_ocr.contracts.errors import RequestError

__all__ = ["seconds"]

_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(s|m|min|h)")
_UNITS: Final = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(option: str, text: str) -> float:
    """What a person means by a time, in seconds.

    Raises:
        RequestError: it is no time above 0, or has no unit; the message names the option.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not float(match[1]):
        raise RequestError(f"{option} {text[:40]}: give a number above 0 and s, m or h, such as 60s")
    return float(match[1]) * _UNITS[match[2]]
