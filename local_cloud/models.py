"""Which model artefacts this machine serves, and the containers that serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.messages import ModelIdentity, StageName
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.engines.interpreters import python_of
from hybrid_ocr.pipeline import Models
from local_aws.containers import Container
from local_cloud.containers import endpoint_container
from topology import load_topology

ENGINE: Final = "HYBRID_OCR_ENGINE"
"""The variable of a container that chooses its engine."""


@dataclass(frozen=True)
class LocalModels(Models):
    """The artefacts of one bundle on this machine, which must have been built; see `Models`."""

    @cached_property
    def folders(self) -> Mapping[StageName, Path]:
        """The unpacked artefact of each stage that has one.

        Raises:
            ArtifactError: one is not there; the text says how to build it.
        """
        return {stage: self._folder(stage, name) for stage, name in self.names.items()}

    @cached_property
    def identities(self) -> Mapping[StageName, ModelIdentity]:
        """The weights of each stage; every byte of them is verified. Raises ArtifactError."""
        return {stage: load_artifact(folder).identity for stage, folder in self.folders.items()}

    def container(self, stage: EndpointStage) -> Container:
        """The container that serves a stage.

        Raises:
            ArtifactError: its artefact is not there.
            EngineError: the environment of the engine is not there; the text says how to make it.
        """
        return endpoint_container(
            stage,
            self.folders.get(stage),
            settings={"cache_dir": self.cache_dir},
            environment=self.environment(stage),
            python=python_of(self.engine_of(stage)),
        )

    def environment(self, stage: EndpointStage) -> dict[str, str]:
        """What the container of a stage is told, here and by its SageMaker model.

        Endpoints of both modes share it, so it has the patience that asynchronous calls need.
        """
        return {ENGINE: self.engine_of(stage), **load_topology().endpoints[stage].environment("async")}

    def _folder(self, stage: StageName, artifact: str) -> Path:
        folder = self.folder / artifact
        if not folder.is_dir():
            spec, script = STAGES[stage], self.script
            what = f"{spec.artifact} --script {script}" if script and spec.by_script else artifact
            raise ArtifactError(
                f"model artefact {artifact} is not in {self.folder}: run `hybrid-ocr artifacts build {what}`",
                code=ErrorCode.ARTIFACT_NOT_FOUND,
            )
        return folder
