"""How the benchmark talks to a contestant: one JSON object a line, over the pipes of a worker process.

A worker says who it is (`{"about": ...}`). Then it answers each `{"path": ...}` with either
`{"answer": ..., "about": ...}` or `{"error": ...}`; it may learn more about itself by reading. Workers run in
environments without this project's packages: this module and `workers.facts` need the standard library alone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

Corners = list[list[float]]
"""Four [x, y] in pixels of the page as it lies in the file."""


@dataclass(frozen=True)
class Reading:
    """What a contestant read in one file.

    Args:
        lines: where each line stands and what it says.
        stages: seconds that each stage took, where the contestant reports them.
        page_ends: for a document, when each of its pages was done, in seconds since the reading began.
    """

    lines: list[tuple[Corners, str]]
    stages: dict[str, float] = field(default_factory=dict)
    page_ends: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class TimedReading:
    """A reading and the seconds from the path of the file to its text, decoding included."""

    seconds: float
    reading: Reading

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TimedReading:
        """The answer as it came over the pipe."""
        reading = dict(data["reading"])
        reading["lines"] = [(corners, text) for corners, text in reading["lines"]]
        return cls(data["seconds"], Reading(**reading))


class Contestant(Protocol):
    """Something that reads pages."""

    @property
    def about(self) -> dict[str, Any]:
        """Versions, model hashes and settings: what one must know to repeat the measurement."""
        ...

    def read(self, path: Path) -> Reading:
        """Read one file."""
        ...


def serve(load: Callable[[dict[str, str]], Contestant]) -> None:
    """Be a worker until standard input ends; `load` gets the settings, JSON on the command line."""
    # Libraries print as they please; the pipe is kept for answers and their chatter goes to standard error.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    contestant = load(json.loads(sys.argv[1]))
    _say(pipe, {"about": contestant.about})
    for line in sys.stdin:
        _say(pipe, _answer(contestant, Path(json.loads(line)["path"])))


def _answer(contestant: Contestant, path: Path) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        reading = contestant.read(path)
    except Exception as error:  # a contestant that fails on a page has lost that page, not the match
        return {"error": f"{type(error).__name__}: {str(error)[:500]}"}
    seconds = time.perf_counter() - start
    return {"answer": asdict(TimedReading(seconds, reading)), "about": contestant.about}


def _say(pipe: TextIO, message: dict[str, Any]) -> None:
    pipe.write(json.dumps(message) + "\n")
    pipe.flush()
