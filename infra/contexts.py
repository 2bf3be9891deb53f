"""What of a checkout goes into each image, and whether what it needs has been built."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.stages import STAGES
from infra.models import pinned
from topology import Topology

__all__ = ["check_built", "endpoint_leaves_out", "function_leaves_out", "packaged"]

_ARTIFACTS: Final = "build/artifacts"


def function_leaves_out(topology: Topology, image: str) -> list[str]:
    """What the context of an image of functions has not, as lines of a .dockerignore.

    Those are the functions of the other image and, where no function runs a model, the artefacts.
    """
    others = [f"lambdas/{name}" for name, function in topology.functions.items() if function.image != image]
    return others if packaged(topology, image) else [*others, "build"]


def endpoint_leaves_out(topology: Topology, stage: EndpointStage) -> list[str]:
    """The same of the image of an endpoint: the other endpoints."""
    return [f"endpoints/{name}" for name in topology.endpoints if name != stage]


def packaged(topology: Topology, image: str) -> list[str]:
    """The artefacts that an image of functions holds, since a function cannot be handed one."""
    held = (STAGES[name] for name in STAGES if name in topology.functions)
    return [spec.artifact for spec in held if spec.artifact and topology.functions[spec.name].image == image]


def check_built(topology: Topology, root: Path) -> None:
    """Hold the artefacts that images take from the checkout to what the catalogue pins.

    Raises:
        ConfigurationError: one is not there or another one; the message names it and what to run.
    """
    for image in sorted({function.image for function in topology.functions.values()}):
        for artifact in packaged(topology, image):
            folder = root / _ARTIFACTS / artifact
            remedy = (
                f"run `hybrid-ocr artifacts build {artifact} --root {root / _ARTIFACTS}`, or `make synth`"
            )
            if not folder.is_dir():
                raise ConfigurationError(f"{folder} is missing, and the image {image!r} holds it: {remedy}")
            try:
                found = load_artifact(folder).identity
            except ArtifactError as error:
                raise ConfigurationError(f"{error.message}: {remedy}") from error
            if found != pinned(artifact):
                raise ConfigurationError(
                    f"{folder} holds {found.name} {found.sha256[:12]}, the catalogue's lock says "
                    f"{pinned(artifact).sha256[:12]}: {remedy}"
                )
