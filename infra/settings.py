"""What a team decides about a deployment: stages, profiles and instance types, as validated TOML."""

from __future__ import annotations

import re
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
from topology import load_topology

__all__ = ["Ami", "Instances", "Profile", "Settings", "Stage", "load_settings", "stage_names"]

_HERE: Final = Path(str(files(__package__)))
_HOUR: Final = 3_600.0
_CUDA_IMAGE: Final = re.compile(r"^FROM nvidia/cuda:(\d+)\.(\d+)", re.MULTILINE)

Retention = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]
"""Days that CloudWatch Logs can keep lines for."""


class Ami(Message):
    """An image of the hosts beneath the containers: its GPU driver and the newest CUDA that this runs."""

    driver: int
    cuda: str = Field(pattern=r"^\d+\.\d+$")


class InstanceType(Message):
    """An instance type of SageMaker hosting."""

    gpus: int = Field(ge=1)
    gpu_memory_gib: int = Field(ge=1)
    local_storage: bool


class Instances(Message):
    """instances.toml."""

    amis: dict[str, Ami]
    types: dict[str, InstanceType]


class Profile(Message):
    """Which kinds of endpoint there are; the flow uses the first."""

    modes: tuple[EndpointMode, ...] = Field(min_length=1, max_length=2)


class Profiles(RootModel[dict[str, Profile]]):
    """profiles.toml."""


class Network(Message):
    """Where functions and containers run."""

    vpc_id: str = Field(pattern=r"^vpc-[0-9a-f]{8,17}$")
    subnet_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...],
        Field(min_length=2, max_length=16),
    ]


class Alarms(Message):
    """Who hears of alarms, and where their runbooks can be read."""

    emails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...]
    runbooks: str = Field(pattern=r"^https://\S+[^/\s]$")


class EndpointHosting(Message):
    """What an endpoint runs on."""

    instance_type: str


class Stage(Message):
    """stages/NAME.toml; `endpoints` has those that run on another instance type than the topology says."""

    profile: str
    keep_data: bool
    log_retention_days: Retention
    inference_ami: str
    network: Network
    alarms: Alarms
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
    _check_known(path.name, "inference_ami", stage.inference_ami, instances.amis)
    _check_cuda(path, stage.inference_ami, instances.amis, dockerfile)
    settings = Settings(
        name=name,
        stage=stage,
        profile=profiles[stage.profile],
        instances=instances,
        policies=load_policies(policies),
        prices=load_prices(),
    )
    _check_endpoints(path, settings)
    return settings


def _check_known(file: str, key: str, value: str, known: Mapping[str, object]) -> None:
    if value not in known:
        raise ConfigurationError(f"{file}: {key}: {value!r} is unknown: use {' or '.join(known)}")


def _check_cuda(path: Path, name: str, amis: Mapping[str, Ami], dockerfile: Path) -> None:
    found = _CUDA_IMAGE.search(dockerfile.read_text("utf-8"))
    if found is None:
        raise ConfigurationError(f"{dockerfile.name}: no stage is made FROM nvidia/cuda:MAJOR.MINOR")
    wanted = (int(found[1]), int(found[2]))
    fitting = [ami for ami, told in amis.items() if _version(told.cuda) >= wanted]
    if name not in fitting:
        better = " or ".join(fitting) or "an older image"
        raise ConfigurationError(
            f"{path.name}: inference_ami: {name} runs CUDA {amis[name].cuda} at most, the image of the "
            f"endpoints ({dockerfile.name}) has {found[1]}.{found[2]}: use {better}"
        )


def _check_endpoints(path: Path, settings: Settings) -> None:
    for endpoint in ENDPOINTS:
        file = path.name if endpoint in settings.stage.endpoints else "component.toml"
        key, name = f"endpoints.{endpoint}.instance_type", settings.instance_type(endpoint)
        _check_known(file, key, name, settings.instances.types)
        settings.dollars_per_hour(endpoint)
        for mode in settings.profile.modes:
            settings.policy(endpoint, mode)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
