"""Which model artefacts this machine serves, and the containers that serve them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.contracts.errors import ArtifactError, EngineError, ErrorCode
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.messages import ModelIdentity, StageName
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.contracts.stages import STAGES, artifact_names
from local_cloud.containers import Container
from topology import load_topology

ENGINE: Final = "HYBRID_OCR_ENGINE"
"""The variable of a container that chooses its engine."""
PADDLE_PYTHON: Final = Path(__file__).resolve().parents[1] / ".venv-paddle" / "bin" / "python"


@dataclass(frozen=True)
class LocalModels:
    """The artefacts of one bundle on this machine.

    Args:
        engine: runs the networks; a stage that the engine `paddleocr` has nothing for stays on OpenVINO.
        script: recognise this script only; its artefact must have been built.
    """

    engine: EngineName = "openvino"
    script: str | None = None

    @cached_property
    def folders(self) -> Mapping[StageName, Path]:
        """The unpacked artefact of each stage that has one.

        Raises:
            ArtifactError: one is not there; the text says how to build it.
        """
        return {stage: self._folder(stage, name) for stage, name in artifact_names(self.script).items()}

    @cached_property
    def identities(self) -> Mapping[StageName, ModelIdentity]:
        """The weights of each stage; every byte of them is verified. Raises ArtifactError."""
        return {stage: load_artifact(folder).identity for stage, folder in self.folders.items()}

    @property
    def cache_dir(self) -> Path:
        """Where engines keep compiled networks between starts."""
        return artifacts_root() / ".cache"

    def container(self, stage: EndpointStage) -> Container:
        """The container that serves a stage.

        Raises:
            ArtifactError: its artefact is not there.
            EngineError: the environment of the engine is not there; the text says how to make it.
        """
        return Container(
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

    def engine_of(self, stage: EndpointStage) -> EngineName:
        """What runs a stage."""
        return "openvino" if self.engine == "paddleocr" and not STAGES[stage].paddleocr else self.engine

    def _folder(self, stage: StageName, artifact: str) -> Path:
        root = artifacts_root()
        folder = root / artifact
        if not folder.is_dir():
            spec, script = STAGES[stage], self.script
            what = f"{spec.artifact} --script {script}" if script and spec.by_script else artifact
            raise ArtifactError(
                f"model artefact {artifact} is not in {root}: run `hybrid-ocr artifacts build {what}`",
                code=ErrorCode.ARTIFACT_NOT_FOUND,
            )
        return folder


def python_of(engine: str) -> Path:
    """The interpreter that has an engine: paddleocr cannot share an environment, see CONTRIBUTING.md."""
    if engine != "paddleocr" or find_spec("paddleocr") is not None:
        return Path(sys.executable)
    python = Path(os.environ.get("HYBRID_OCR_PADDLE_PYTHON", PADDLE_PYTHON))
    if not python.is_file():
        raise EngineError(
            f"engine paddleocr needs an environment of its own, and {python} is not there: run `make paddle`",
            code=ErrorCode.ENGINE_UNAVAILABLE,
        )
    return python
