"""Container images: built by `cdk deploy`; synthesis only takes the fingerprint of what goes into them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as assets
from constructs import Construct

from hybrid_ocr.contracts.jobs import EndpointStage
from infra.contexts import endpoint_leaves_out, function_leaves_out
from infra.deployment import Deployment, camel
from infra.instances import Target

__all__ = ["Images"]


class Images(Construct):
    """The images of functions and endpoints, each made once.

    An image has a context of its own, so that a change of one function or endpoint changes no other's image.
    """

    def __init__(self, scope: Construct, name: str, deployment: Deployment) -> None:
        super().__init__(scope, name)
        self._deployment, self._root = deployment, deployment.root
        self._made: dict[str, assets.DockerImageAsset] = {}

    def function(self, image: str) -> assets.DockerImageAsset:
        """The image `light` or `heavy` of the functions."""
        return self._image("lambdas", image, function_leaves_out(self._deployment.topology, image))

    def endpoint(self, stage: EndpointStage, target: Target) -> assets.DockerImageAsset:
        """The image of an endpoint on instances with or without GPUs."""
        others = endpoint_leaves_out(self._deployment.topology, stage)
        return self._image("endpoints", target, others, endpoint=stage)

    def _image(
        self, folder: str, target: str, left_out: Iterable[str], endpoint: str = ""
    ) -> assets.DockerImageAsset:
        name = camel(endpoint, target)
        if name not in self._made:
            self._made[name] = assets.DockerImageAsset(
                self,
                name,
                directory=str(self._root),
                file=f"{folder}/Dockerfile",
                target=target,
                build_args={"ENDPOINT": endpoint} if endpoint else None,
                exclude=[*_lines(self._root / folder / "Dockerfile.dockerignore"), *left_out],
                ignore_mode=IgnoreMode.DOCKER,
                platform=assets.Platform.LINUX_AMD64,
            )
        return self._made[name]


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
