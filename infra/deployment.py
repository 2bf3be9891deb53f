"""What every construct is told about the deployment that it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aws_cdk import Aws, RemovalPolicy

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.stages import STAGES
from infra.models import pinned
from infra.settings import Settings
from topology import Topology, load_topology

__all__ = ["Deployment", "camel"]


@dataclass(frozen=True)
class Deployment:
    """One deployment.

    Attributes:
        settings: what the team decided.
        names: physical names; account and region are known only to CloudFormation.
        topology: what the component consists of.
        models: the artefact behind each endpoint that has one.
        root: the folder that images are built from.
    """

    settings: Settings
    names: Names
    topology: Topology
    models: Mapping[EndpointStage, ModelIdentity]
    root: Path

    @classmethod
    def of(cls, settings: Settings, root: Path) -> Self:
        """The deployment that settings describe, of this checkout's topology and models."""
        topology = load_topology()
        names = Names(stage=settings.name, account=Aws.ACCOUNT_ID, region=Aws.REGION, partition=Aws.PARTITION)
        artifacts = {stage: STAGES[stage].artifact for stage in topology.endpoints}
        models = {stage: pinned(artifact) for stage, artifact in artifacts.items() if artifact is not None}
        return cls(settings, names, topology, models, root)

    @property
    def removal(self) -> RemovalPolicy:
        """What becomes of data when its stack is deleted.

        What is kept has a fixed name, so it must not stay behind after a stack that could not be made
        (DeletionPolicy RetainExceptOnCreate): it would be in the way of the next try.
        """
        kept = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        return kept if self.settings.stage.keep_data else RemovalPolicy.DESTROY

    @property
    def endpoints(self) -> list[tuple[EndpointStage, EndpointMode]]:
        """Every endpoint of the profile."""
        return [(stage, mode) for stage in self.topology.endpoints for mode in self.settings.profile.modes]

    def has_gpu(self, stage: EndpointStage) -> bool:
        """Whether the endpoints of a stage run on instances with GPUs."""
        return self.settings.has_gpu(stage)

    def endpoint(self, stage: EndpointStage, mode: EndpointMode) -> str:
        """The name of an endpoint."""
        return self.names.endpoint(stage, mode)

    def bucket_arn(self, name: str, keys: str = "") -> str:
        """The ARN of a bucket of the topology, or of the objects in it that `keys` names."""
        arn = f"arn:{self.names.partition}:s3:::{self.names.bucket(name)}"
        return f"{arn}/{keys}" if keys else arn


def camel(*names: str) -> str:
    """An id of a construct out of names: `region_detection`, `async` is RegionDetectionAsync."""
    words = "-".join(names).replace("_", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)
