"""The processes and stages that read documents by plain calls, put together."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.stage import EngineName, StageContext
from hybrid_ocr.direct.reader import DirectReader
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.stages.rotation.stage import RotationStage
from hybrid_ocr.stages.validation.rule_file import load_rules
from local_cloud.containers import ContainerFleet
from local_cloud.models import LocalModels


def direct_reader(
    *, engine: EngineName = "openvino", script: str | None = None, rules: Path | None = None
) -> DirectReader:
    """A reader over three container servers of this machine.

    Args:
        engine: runs text detection and OCR.
        script: recognise this script only; its artefact must have been built.
        rules: a file of validation rules over those of the project.

    Raises:
        EngineError: the environment of the engine is not there; the text says how to make it.
        ArtifactError: an artefact is not there; the text says how to build it.
        ConfigurationError: a rule cannot work.
    """
    models = LocalModels(engine, script)
    containers = [models.container(stage) for stage in get_args(EndpointStage)]
    context = StageContext(models.folders["rotation"], threads=granted_threads(), cache_dir=models.cache_dir)
    rotation = RotationStage.load(context)
    return DirectReader(ContainerFleet(containers), DocumentOpener(), rotation, load_rules(rules))
