"""What a team decides about a deployment: stages, profiles and instance types, as validated TOML."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, RootModel

from autoscaling import Policies, Policy, load_policies
from autoscaling.prices import Prices, load_prices
from autoscaling.toml_file import read_toml
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.stages import ENDPOINTS
from infra.instances import Instances, InstanceType, check_cuda, is_arm
from infra.network import Network
from topology import load_topology

__all__ = ["CHECKOUT", "Profile", "Settings", "Stage", "load_settings", "stage_names"]

_HERE: Final = Path(str(files(__package__)))
CHECKOUT: Final = _HERE.parent
"""The root of the repository."""
_HOUR: Final = 3_600.0

Retention = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]
"""Days that CloudWatch Logs can keep lines for."""


class Profile(Message):
    """Which kinds of endpoint there are; the flow uses the first."""

    modes: tuple[EndpointMode, ...] = Field(min_length=1, max_length=2)


class Profiles(RootModel[dict[str, Profile]]):
    """profiles.toml."""


class Alarms(Message):
    """Who hears of alarms, and where their runbooks can be read."""

    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...]
    runbooks: str = Field(pattern=r"^https://\S+[^/\s]$")


class EndpointHosting(Message):
    """What an endpoint runs on."""

    instance_type: str


class Stage(Message):
    """stages/NAME.toml; `endpoints` has those that run on another instance type than the topology says.

    Attributes:
        keep_data: whether buckets, tables, logs and the key stay when the stacks are deleted.
        inference_ami: of the hosts with GPUs; None where there are none.
        dashboards: which of them are made in CloudWatch; each costs something, used or not.
    """

    profile: str
    keep_data: bool
    log_retention_days: Retention
    inference_ami: str | None = None
    network: Network
    alarms: Alarms
    dashboards: Literal["all", "documents", "none"] = "all"
    endpoints: dict[EndpointStage, EndpointHosting] = Field(default_factory=dict)


class Settings(Message):
    """Everything that is decided about one deployment; its parts fit together."""

    name: str
    stage: Stage
    profile: Profile
    instances: Instances
    policies: Policies
    prices: Prices

    def instance(self, stage: EndpointStage) -> tuple[str, InstanceType]:
        """Name and properties of what an endpoint runs on."""
        name = self.instance_type(stage)
        return name, self.instances.types[name]

    def instance_type(self, stage: EndpointStage) -> str:
        """What this deployment says, else what the topology does."""
        own = self.stage.endpoints.get(stage)
        return own.instance_type if own else load_topology().endpoints[stage].instance_type

    def has_gpu(self, stage: EndpointStage) -> bool:
        """Whether an endpoint runs on a type with GPUs."""
        return self.instance(stage)[1].target == "gpu"

    def policy(self, stage: EndpointStage, mode: EndpointMode) -> Policy:
        """How an endpoint scales.

        Raises:
            ConfigurationError: nobody has said how.
        """
        found = self.policies.of(stage, mode)
        if found is None:
            raise ConfigurationError(
                f"policies.toml: {stage}.{mode}: is missing, and profile {self.stage.profile} of "
                f"{self.name}.toml has such an endpoint: add it"
            )
        return found

    def dollars_per_hour(self, stage: EndpointStage) -> float:
        """The price of an instance of an endpoint."""
        return self.prices.dollars(self.instance_type(stage), _HOUR)


def stage_names(folder: Path = _HERE) -> list[str]:
    """The stages there are settings of."""
    return sorted(file.stem for file in (folder / "stages").glob("*.toml"))


def load_settings(
    name: str, *, folder: Path = _HERE, policies: Path | None = None, dockerfile: Path
) -> Settings:
    """The settings of a stage.

    Args:
        name: of a file in `stages/`, without its ending.
        folder: that has `stages/`, profiles.toml and instances.toml.
        policies: another policies.toml.
        dockerfile: of the endpoints; its CUDA must be one that the stage's hosts run.

    Raises:
        ConfigurationError: a file is not as it must be, or two do not fit together; the message names the
            file, the key and what would be right.
    """
    path = folder / "stages" / f"{name}.toml"
    known = stage_names(folder)
    if name not in known:
        raise ConfigurationError(f"there is no stage {name!r} in {path.parent}: there are {', '.join(known)}")
    stage = read_toml(path, Stage)
    profiles = read_toml(folder / "profiles.toml", Profiles).root
    instances = read_toml(folder / "instances.toml", Instances)
    _check_known(path.name, "profile", stage.profile, profiles)
    settings = Settings(
        name=name,
        stage=stage,
        profile=profiles[stage.profile],
        instances=instances,
        policies=load_policies(policies),
        prices=load_prices(),
    )
    _check_endpoints(path, settings)
    _check_ami(path, settings, dockerfile)
    return settings


def _check_known(file: str, key: str, value: str, known: Mapping[str, object]) -> None:
    if value not in known:
        raise ConfigurationError(f"{file}: {key}: {value!r} is unknown: use {' or '.join(known)}")


def _check_endpoints(path: Path, settings: Settings) -> None:
    for endpoint in ENDPOINTS:
        file = path.name if endpoint in settings.stage.endpoints else "component.toml"
        key, name = f"endpoints.{endpoint}.instance_type", settings.instance_type(endpoint)
        if is_arm(name):
            usable = " or ".join(settings.instances.types)
            raise ConfigurationError(
                f"{file}: {key}: {name} has Arm processors, and the images are built for x86-64: use {usable}"
            )
        _check_known(file, key, name, settings.instances.types)
        settings.dollars_per_hour(endpoint)
        for mode in settings.profile.modes:
            settings.policy(endpoint, mode)


def _check_ami(path: Path, settings: Settings, dockerfile: Path) -> None:
    ami, amis = settings.stage.inference_ami, settings.instances.amis
    with_gpus = [endpoint for endpoint in ENDPOINTS if settings.has_gpu(endpoint)]
    if with_gpus and ami is None:
        types = ", ".join(sorted({settings.instance_type(endpoint) for endpoint in with_gpus}))
        raise ConfigurationError(
            f"{path.name}: inference_ami: is missing, and {types} has a GPU, whose driver it picks: "
            f"use {' or '.join(amis)}"
        )
    if ami is None:
        return
    _check_known(path.name, "inference_ami", ami, amis)
    if not with_gpus:
        raise ConfigurationError(
            f"{path.name}: inference_ami: picks the driver of a GPU, and no endpoint of this stage runs on "
            "a type with one: delete it, or name a type with a GPU under [endpoints]"
        )
    check_cuda(path.name, ami, amis, dockerfile)
