"""Instance types of the endpoints, and which image and driver each needs: instances.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError

__all__ = ["Ami", "InstanceType", "Instances", "Target", "check_cuda", "is_arm"]

Target = Literal["cpu", "gpu"]
"""The target of endpoints/Dockerfile that runs on an instance type."""

_ARM: Final = re.compile(r"^ml\.[a-z]+\d+[a-z]*g[a-z]*\.")
"""A `g` behind the generation is a Graviton: c7g, m6gd, c6gn, g5g. The family g5 has it before."""
_CUDA_IMAGE: Final = re.compile(r"^FROM nvidia/cuda:(\d+)\.(\d+)", re.MULTILINE)


class Ami(Message):
    """An image of the hosts beneath the containers: its GPU driver and the newest CUDA that this runs."""

    driver: int
    cuda: str = Field(pattern=r"^\d+\.\d+$")


class InstanceType(Message):
    """An instance type of SageMaker hosting, with x86-64 processors."""

    vcpus: int = Field(ge=1)
    gpus: int = Field(default=0, ge=0)
    gpu_memory_gib: int = Field(default=0, ge=0)
    local_storage: bool = False

    @model_validator(mode="after")
    def _gpus_have_memory(self) -> Self:
        if (self.gpus == 0) != (self.gpu_memory_gib == 0):
            raise ValueError("gpus and gpu_memory_gib belong together: give both, or neither")
        return self

    @property
    def target(self) -> Target:
        """The image that runs on it."""
        return "gpu" if self.gpus else "cpu"


class Instances(Message):
    """instances.toml."""

    amis: dict[str, Ami]
    types: dict[str, InstanceType]


def is_arm(instance_type: str) -> bool:
    """Whether a type has Arm processors, by its name: the images are built for x86-64 alone."""
    return _ARM.match(instance_type) is not None


def check_cuda(file: str, name: str, amis: Mapping[str, Ami], dockerfile: Path) -> None:
    """Hold the driver of a host image to the CUDA of the endpoints' image.

    Raises:
        ConfigurationError: the driver is older; `file` is the stage that names it.
    """
    found = _CUDA_IMAGE.search(dockerfile.read_text("utf-8"))
    if found is None:
        raise ConfigurationError(f"{dockerfile.name}: no stage is made FROM nvidia/cuda:MAJOR.MINOR")
    wanted = (int(found[1]), int(found[2]))
    fitting = [ami for ami, details in amis.items() if _version(details.cuda) >= wanted]
    if name not in fitting:
        better = " or ".join(fitting) or "an older image"
        raise ConfigurationError(
            f"{file}: inference_ami: {name} runs CUDA {amis[name].cuda} at most, the image of the "
            f"endpoints ({dockerfile.name}) has {found[1]}.{found[2]}: use {better}"
        )


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
