"""Users' regular expressions, matched in linear time by RE2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]

from hybrid_ocr.contracts.errors import RequestError

MEMORY = 1 << 20
"""Bytes a compiled pattern may take; refuses counted repeats that explode."""


class Match(Protocol):
    """The part of a match that is used here."""

    def groups(self) -> Sequence[str | None]:
        """What each group of the pattern matched; None for one that took no part."""
        ...

    def span(self, group: int) -> tuple[int, int]:
        """Where in the text a group starts and ends, in characters; group 0 is the whole match."""
        ...


class Pattern(Protocol):
    """The part of a compiled pattern that is used here."""

    def search(self, text: str) -> Match | None:
        """The first match, or None."""
        ...


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """A pattern that matches in time linear in the text, whatever the pattern is.

    Raises:
        RequestError: the pattern is no RE2, or too large once its repeats are unrolled.
    """
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    try:
        return cast("Pattern", re2.compile(pattern, options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RequestError(f"pattern is not RE2: {reason[:200]}") from None
