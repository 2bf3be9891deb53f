"""What instances cost: prices.toml, or a user's own table."""

from __future__ import annotations

import datetime
from importlib.resources import files
from pathlib import Path

from pydantic import Field

from autoscaling.toml_file import read_toml
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError

__all__ = ["Price", "Prices", "ServicePrice", "load_prices"]


class Price(Message):
    """Of one instance type."""

    dollars_per_hour: float = Field(gt=0, lt=1_000)
    sure: bool = Field(default=True, description="whether its sources agree")


class ServicePrice(Message):
    """Of one unit of another service, with where it stands and when it was written down."""

    dollars: float = Field(gt=0, lt=10_000)
    per: str = Field(min_length=1, description="the unit, such as `month` or `million requests`")
    dated: datetime.date
    source: str


class Prices(Message):
    """A dated table."""

    dated: datetime.date
    region: str
    source: str
    instances: dict[str, Price] = Field(min_length=1)
    services: dict[str, ServicePrice] = Field(default_factory=dict)

    def service(self, name: str) -> ServicePrice:
        """What a unit of another service costs.

        Raises:
            ConfigurationError: the table has no such service.
        """
        if name not in self.services:
            raise ConfigurationError(
                f'the prices of {self.dated} have no [services."{name}"]: copy it from '
                "autoscaling/prices.toml"
            )
        return self.services[name]

    def dollars(self, instance_type: str, instance_seconds: float) -> float:
        """What so many seconds of instances of this type cost; AWS counts each second.

        Raises:
            ConfigurationError: the table has no such type.
        """
        price = self.instances.get(instance_type)
        if price is None:
            raise ConfigurationError(
                f"the prices of {self.dated} have no {instance_type}: add it, or use one of"
                f" {', '.join(sorted(self.instances))}"
            )
        return price.dollars_per_hour * instance_seconds / 3600


def load_prices(path: Path | None = None) -> Prices:
    """prices.toml, or another file of its shape.

    Raises:
        ConfigurationError: not readable or not as it must be; the message names file, key and what would do.
    """
    return read_toml(path or Path(str(files(__package__).joinpath("prices.toml"))), Prices)
