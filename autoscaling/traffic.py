"""Traffic as a recipe: Poisson, diurnal, bursts and a backlog that is dropped at once, drawn into a trace."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, Field, RootModel

from autoscaling.arrivals import PAGES_PER_DOCUMENT, Trace, read_trace
from autoscaling.toml_file import read_toml
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError, RequestError

__all__ = ["Backlog", "Burst", "Diurnal", "Poisson", "Traffic", "generate", "load_traffic", "open_trace"]

Minutes = npt.NDArray[np.float64]
"""(n,) float64, something for each minute of a trace."""

_DAY: Final = 1_440
_Rate = Annotated[float, Field(ge=0, le=1e9)]
_Hour = Annotated[float, Field(ge=0, le=24)]


class Poisson(Message):
    """The same rate all the time."""

    kind: Literal["poisson"]
    documents_per_hour: _Rate

    def expected(self, minutes: int, rng: np.random.Generator, weekday: int) -> Minutes:
        """(minutes,) documents to expect in each minute."""
        return np.full(minutes, self.documents_per_hour / 60)


class Diurnal(Message):
    """A hump between two hours (UTC) of some weekdays: half a cosine wave each way, highest midway."""

    kind: Literal["diurnal"]
    documents_per_hour: _Rate = Field(description="at its highest")
    from_hour: _Hour
    to_hour: _Hour
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = Field(
        default=(1, 2, 3, 4, 5, 6, 7), min_length=1
    )

    def expected(self, minutes: int, rng: np.random.Generator, weekday: int) -> Minutes:
        """(minutes,) documents to expect in each minute; `weekday` is that of the first, 1 is Monday."""
        minute = np.arange(minutes)
        hour = minute % _DAY / 60
        length = (self.to_hour - self.from_hour) % 24 or 24.0
        into = (hour - self.from_hour) % 24
        day = (
            minute // _DAY - (hour < into) + weekday - 1
        ) % 7 + 1  # a hump over midnight is of the day it began
        hump = (1 - np.cos(2 * np.pi * into / length)) / 2
        busy = (into < length) & np.isin(day, self.weekdays)
        return np.where(busy, hump * self.documents_per_hour / 60, 0.0)


class Burst(Message):
    """At times that nobody knows before: up within minutes, then a slow end."""

    kind: Literal["burst"]
    per_day: float = Field(gt=0, le=100, description="on average")
    documents_per_hour: _Rate = Field(description="at its highest")
    rise_minutes: float = Field(gt=0, le=_DAY)
    fall_minutes: float = Field(gt=0, le=_DAY, description="in which it falls to 1/e")

    def expected(self, minutes: int, rng: np.random.Generator, weekday: int) -> Minutes:
        """(minutes,) documents to expect in each minute."""
        minute = np.arange(minutes, dtype=np.float64)
        total = np.zeros(minutes)
        for start in rng.uniform(0, minutes, rng.poisson(self.per_day * minutes / _DAY)):
            since = minute - start
            rising = np.clip(since / self.rise_minutes, 0, 1)
            total += rising * np.exp(-np.maximum(since - self.rise_minutes, 0) / self.fall_minutes)
        return total * self.documents_per_hour / 60


class Backlog(Message):
    """Many documents within one minute, each day at the same time (UTC)."""

    kind: Literal["backlog"]
    at_hour: Annotated[float, Field(ge=0, lt=24)]
    documents: int = Field(ge=1, le=10**9)

    def expected(self, minutes: int, rng: np.random.Generator, weekday: int) -> Minutes:
        """(minutes,) documents to expect in each minute."""
        return np.where(np.arange(minutes) % _DAY == int(self.at_hour * 60), float(self.documents), 0.0)


class Traffic(Message):
    """One kind of traffic."""

    about: str
    start: AwareDatetime
    days: float = Field(gt=0, le=400)
    pages_per_document: float = Field(ge=1, le=PAGES_PER_DOCUMENT / 10, description="on average; geometric")
    seed: int = Field(ge=0)
    parts: tuple[Annotated[Poisson | Diurnal | Burst | Backlog, Field(discriminator="kind")], ...] = Field(
        min_length=1
    )


class _Kinds(RootModel[dict[str, Traffic]]):
    """A file of them, by name."""


def generate(traffic: Traffic) -> Trace:
    """Draw a trace, minute by minute: counts are Poisson, pages of a document geometric.

    Raises:
        ConfigurationError: not one document is drawn.
    """
    rng = np.random.default_rng(traffic.seed)
    minutes = max(1, round(traffic.days * _DAY))
    weekday = traffic.start.isoweekday()
    expected = np.sum([part.expected(minutes, rng, weekday) for part in traffic.parts], axis=0)
    documents = rng.poisson(expected).astype(np.int64)
    if not documents.any():
        raise ConfigurationError("this traffic has no document at all: raise its rates or its days")
    # Geometric numbers, each at least 1, add up to a negative binomial one.
    more = rng.negative_binomial(np.maximum(documents, 1), 1 / traffic.pages_per_document)
    pages = documents + np.where(documents > 0, more, 0)
    return Trace(
        start=traffic.start,
        seconds=np.arange(minutes, dtype=np.float64) * 60,
        documents=documents,
        pages=np.minimum(pages, documents * PAGES_PER_DOCUMENT),
        duration=minutes * 60.0,
    )


def open_trace(told: str) -> Trace:
    """The trace that a person means: a CSV file, a supplied kind of traffic, or FILE.toml or FILE.toml:NAME.

    Raises:
        RequestError: there is none of this name, or a line of the file is not as it must be.
        ConfigurationError: a recipe is not as it must be.
    """
    supplied = load_traffic()
    if told in supplied:
        return generate(supplied[told])
    file, _, kind = told.partition(".toml:")
    if kind or told.endswith(".toml"):
        kinds = load_traffic(Path(f"{file}.toml" if kind else told))
        kind = kind or (next(iter(kinds)) if len(kinds) == 1 else "")
        if kind not in kinds:
            raise RequestError(f"{told}: choose one of its kinds, FILE.toml:NAME: {', '.join(kinds)}")
        return generate(kinds[kind])
    path = Path(told)
    if path.suffix.lower() != ".csv":
        raise RequestError(
            f"no traffic {told[:100]!r}: give a FILE.csv, a FILE.toml, or one of {', '.join(supplied)}"
        )
    return read_trace(path)


def load_traffic(path: Path | None = None) -> dict[str, Traffic]:
    """The supplied kinds of traffic, or those of another file, by name.

    Raises:
        ConfigurationError: not readable or not as it must be; the message names file, key and what would do.
    """
    return read_toml(path or Path(str(files(__package__).joinpath("traffic.toml"))), _Kinds).root
