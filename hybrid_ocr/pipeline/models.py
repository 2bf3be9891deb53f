"""Which model artefact serves each stage on this machine; what is not there yet is built by the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.artifacts.building.scripts import script as script_named
from hybrid_ocr.contracts.messages import StageName
from hybrid_ocr.contracts.stage import EngineName, StageContext
from hybrid_ocr.contracts.stages import STAGES, artifact_names
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.engines.interpreters import python_of


@dataclass(frozen=True)
class Models:
    """The artefacts of the stages, and what runs them.

    Args:
        engine: runs the networks.
        script: recognise this script only.
        root: the folder of built artefacts; by default `artifacts_root()`.
        threads: CPU threads of a network; by default those that are granted.
    """

    engine: EngineName = "openvino"
    script: str | None = None
    root: Path | None = None
    threads: int | None = None

    def check(self) -> None:
        """Find what cannot work before anything is started.

        Raises:
            ConfigurationError: there is no such script.
            EngineError: ENGINE_UNAVAILABLE, an engine is not installed here; the text says what to install.
        """
        if self.script is not None:
            script_named(self.script)
        for stage in STAGES:
            python_of(self.engine_of(stage))

    @property
    def folder(self) -> Path:
        """Where artefacts are, or will be built."""
        return self.root or artifacts_root()

    @property
    def names(self) -> Mapping[StageName, str]:
        """The artefact of each stage that has one."""
        return artifact_names(self.script)

    @property
    def cache_dir(self) -> Path:
        """Where engines keep compiled networks between starts."""
        return self.folder / ".cache"

    def missing(self) -> list[str]:
        """The artefacts that have to be built before anything can be read."""
        return [name for name in self.names.values() if not (self.folder / name).is_dir()]

    def build_missing(self) -> None:
        """Fetch and build what is missing, held to the catalogue's sha256.

        Raises:
            ConfigurationError: there is no such script.
            ArtifactError: a network could not be fetched, or is not the one the catalogue names.
        """
        if missing := self.missing():
            from hybrid_ocr.artifacts.building.build import build

            for _ in build(missing, self.folder):
                pass

    def context(self, stage: StageName) -> StageContext:
        """What a stage is loaded with; one without an artefact looks at no folder."""
        return StageContext(
            self.folder / self.names.get(stage, ""),
            engine=self.engine_of(stage),
            threads=self.threads or granted_threads(),
            cache_dir=self.cache_dir,
            warm_up=False,
        )

    def engine_of(self, stage: StageName) -> EngineName:
        """What runs a stage: the engine asked for, but OpenVINO where that one has nothing for it.

        What AWS runs as a function runs on a CPU.
        """
        spec = STAGES[stage]
        unfit = spec.host == "function" or (self.engine == "paddleocr" and not spec.paddleocr)
        return "openvino" if unfit else self.engine
