"""How long a page takes at each stage on each instance type: service_times.toml, or a user's own table."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from autoscaling.toml_file import read_toml, refuse_unknown
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointStage

__all__ = ["ServiceTimes", "TypeTimes", "load_service_times"]

SecondsByBatch = Annotated[
    dict[Annotated[int, Field(ge=1, le=1_000)], Annotated[float, Field(gt=0, le=3_600)]],
    Field(min_length=1),
]
"""Pages of a request, and seconds that each of its pages takes."""


class TypeTimes(Message, extra="allow"):
    """What is known of one instance type; beside it, a field for each stage that was measured on it."""

    __pydantic_extra__: dict[str, SecondsByBatch]
    basis: Literal["measured", "estimate"]
    source: str

    def of(self, stage: EndpointStage) -> Mapping[int, float] | None:
        """Seconds a page of a stage, by pages of a request; None where nobody knows."""
        return self.__pydantic_extra__.get(stage)

    @model_validator(mode="before")
    @classmethod
    def _has_known_keys(cls, given: object) -> object:
        refuse_unknown(cls, given)
        return given


class ServiceTimes(Message):
    """A dated table."""

    dated: datetime.date
    types: dict[str, TypeTimes] = Field(min_length=1)

    def knows(self, stage: EndpointStage, instance_type: str) -> bool:
        """Whether the table has a stage on an instance type."""
        return instance_type in self.types and self.types[instance_type].of(stage) is not None

    def seconds_per_page(self, stage: EndpointStage, instance_type: str, pages: float = 1.0) -> float:
        """What each page of a request of this many pages takes, while the instance does nothing else.

        A request costs a fixed part once and the rest for each page, so seconds a page are linear in 1/pages.

        Raises:
            ConfigurationError: the table has no such type, or not this stage on it.
        """
        times = self.types.get(instance_type)
        if times is None:
            raise ConfigurationError(
                f"the service times of {self.dated} have no {instance_type}: measure it, or use one of"
                f" {', '.join(sorted(self.types))}"
            )
        if (by_batch := times.of(stage)) is None:
            raise ConfigurationError(
                f"the service times of {self.dated} have no {stage} on {instance_type}: measure it and add it"
            )
        known = sorted((1 / batch, seconds) for batch, seconds in by_batch.items())
        inverse, seconds = zip(*known, strict=True)
        return float(np.interp(1 / max(pages, 1.0), inverse, seconds))

    def estimated(self, instance_type: str) -> bool:
        """Whether the figures of a type were not measured."""
        return self.types[instance_type].basis == "estimate"


def load_service_times(path: Path | None = None) -> ServiceTimes:
    """service_times.toml, or another file of its shape.

    Raises:
        ConfigurationError: not readable or not as it must be; the message names file, key and what would do.
    """
    return read_toml(path or Path(str(files(__package__).joinpath("service_times.toml"))), ServiceTimes)
