"""Scripts as sets of code points, read from scripts.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, TypeAdapter

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError

Range = Annotated[str, Field(pattern=r"^[0-9A-F]{4,5}-[0-9A-F]{4,5}$")]


class _ScriptEntry(Message):
    description: str
    extends: tuple[str, ...] = ()
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Script:
    """A named set of symbols."""

    name: str
    description: str
    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, symbol: str) -> bool:
        """Whether every code point of a symbol of a recogniser belongs to the script."""
        return all(any(low <= ord(point) <= high for low, high in self.ranges) for point in symbol)


@cache
def load_scripts() -> dict[str, Script]:
    """All scripts by name, each with the ranges of those that it extends."""
    text = files("hybrid_ocr.artifacts.building").joinpath("scripts.toml").read_text("utf-8")
    entries = TypeAdapter(dict[str, _ScriptEntry]).validate_python(tomllib.loads(text))

    def ranges_of(name: str) -> tuple[tuple[int, int], ...]:
        inherited = tuple(r for parent in entries[name].extends for r in ranges_of(parent))
        return inherited + tuple(_parse(text) for text in entries[name].ranges)

    return {name: Script(name, entry.description, ranges_of(name)) for name, entry in entries.items()}


def script(name: str) -> Script:
    """A script by name.

    Raises:
        ConfigurationError: there is none of that name; the message lists those there are.
    """
    known = load_scripts()
    if name not in known:
        raise ConfigurationError(f"no script {name!r}; there are {', '.join(sorted(known))}")
    return known[name]


def _parse(text: str) -> tuple[int, int]:
    low, high = (int(bound, 16) for bound in re.split("-", text))
    return low, high
