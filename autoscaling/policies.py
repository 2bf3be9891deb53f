"""The shape of policies.toml, and its loader."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from autoscaling.scaling.schedule import parse_when
from autoscaling.toml_file import read_toml, refuse_unknown
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.stages import ENDPOINTS

__all__ = ["METRICS", "Policies", "Policy", "Schedule", "Tracking", "Wake", "load_policies"]

Metric = Literal["ApproximateBacklogSizePerInstance", "InvocationsPerInstance", "ConcurrentRequestsPerModel"]

METRICS: Final[Mapping[EndpointMode, tuple[Metric, ...]]] = {
    "async": ("ApproximateBacklogSizePerInstance",),
    "realtime": ("ConcurrentRequestsPerModel", "InvocationsPerInstance"),
}
"""What AWS publishes of each kind of endpoint and a policy can follow; on any other it would never act.

https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

_Instances = Annotated[int, Field(ge=0, le=1_000)]
_Cooldown = Annotated[int, Field(ge=0, le=86_400)]


class Tracking(Message):
    """Target tracking: the metric, averaged over the instances, is kept at the target."""

    metric: Metric
    target: float = Field(gt=0, allow_inf_nan=False)
    scale_out_cooldown_seconds: _Cooldown
    scale_in_cooldown_seconds: _Cooldown


class Wake(Message):
    """The step policy that takes an asynchronous endpoint from zero instances."""

    periods: int = Field(ge=1, le=15, description="minutes in a row that requests wait without an instance")
    add_instances: int = Field(ge=1, le=100)
    cooldown_seconds: _Cooldown
    on_documents: bool = Field(
        default=False,
        description="also after a minute in which documents came while no instance was there",
    )


class Schedule(Message):
    """Other bounds from some time on. A maximum of none would be an endpoint that nothing wakes."""

    name: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    when: str = Field(pattern=r"^(at|rate|cron)\(.+\)$")
    timezone: str = "Etc/UTC"
    min_instances: _Instances
    max_instances: Annotated[int, Field(ge=1, le=1_000)]

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        _check_bounds(self.min_instances, self.max_instances)
        parse_when(self.when, self.timezone)
        return self


class Policy(Message):
    """How one endpoint scales."""

    min_instances: _Instances
    max_instances: Annotated[int, Field(ge=1, le=1_000)]
    tracking: Tracking
    wake: Wake | None = None
    schedules: tuple[Schedule, ...] = ()

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        _check_bounds(self.min_instances, self.max_instances)
        names = [schedule.name for schedule in self.schedules]
        if len(set(names)) < len(names):
            raise ValueError("two schedules have the same name: give each its own")
        return self

    @property
    def lowest(self) -> int:
        """The fewest instances it can come to, schedules included."""
        return min([self.min_instances, *(schedule.min_instances for schedule in self.schedules)])


class Policies(Message, extra="allow"):
    """The policies of all endpoints: a table for each stage behind an endpoint."""

    __pydantic_extra__: dict[str, dict[EndpointMode, Policy]]

    def modes(self, stage: EndpointStage) -> Mapping[EndpointMode, Policy]:
        """The policies of a stage, by kind of endpoint."""
        return self.__pydantic_extra__[stage]

    def of(self, stage: EndpointStage, mode: EndpointMode) -> Policy | None:
        """The policy of an endpoint, if there is one."""
        return self.modes(stage).get(mode)

    @model_validator(mode="before")
    @classmethod
    def _has_known_keys(cls, given: object) -> object:
        refuse_unknown(cls, given)
        return given

    @model_validator(mode="after")
    def _are_of_all_stages(self) -> Self:
        for stage in ENDPOINTS:
            if stage not in self.__pydantic_extra__:
                raise ValueError(f"{stage}: is missing: say how its endpoints scale")
        return self

    @model_validator(mode="after")
    def _fit_their_kind_of_endpoint(self) -> Self:
        for stage, policies in self.__pydantic_extra__.items():
            for mode, policy in policies.items():
                if complaint := _complaint(mode, policy):
                    raise ValueError(f"{stage}.{mode}.{complaint}")
        return self


def load_policies(path: Path | None = None) -> Policies:
    """policies.toml, or another file of its shape.

    Raises:
        ConfigurationError: not readable or not as it must be; the message names file, key and what would do.
    """
    return read_toml(path or Path(str(files(__package__).joinpath("policies.toml"))), Policies)


def _complaint(mode: EndpointMode, policy: Policy) -> str | None:
    metric, lowest = policy.tracking.metric, policy.lowest
    if metric not in METRICS[mode]:
        return (
            f"tracking.metric: no {metric} is published of such an endpoint: use {' or '.join(METRICS[mode])}"
        )
    if mode == "realtime" and lowest == 0:
        return "min_instances: a real-time endpoint has at least 1 instance"
    if mode == "realtime" and policy.wake is not None:
        return "wake: a real-time endpoint never sleeps: leave it out"
    if mode == "async" and lowest == 0 and policy.wake is None:
        return "wake: an endpoint at zero instances cannot wake without it: add it, or let min_instances be 1"
    return None


def _check_bounds(lowest: int, highest: int) -> None:
    if lowest > highest:
        raise ValueError(f"min_instances {lowest} is above max_instances {highest}: it must not be")
