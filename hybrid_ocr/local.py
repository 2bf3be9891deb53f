"""The processes and stages that read documents on this machine, put together."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from hybrid_ocr.reading import Reader
from lambdas.rotation.stage import RotationStage
from lambdas.validation.rules import load_rules
from local_cloud.containers import Container, ContainerFleet
from ocr_core.artifacts import artifacts_root
from ocr_core.contracts.errors import ArtifactError, EngineError, ErrorCode
from ocr_core.contracts.stage import EngineName, StageContext
from ocr_core.hosts.cpu import granted_threads
from ocr_core.opening import DocumentOpener

PADDLE_PYTHON = Path(__file__).resolve().parents[1] / ".venv-paddle" / "bin" / "python"
RECOGNISER = "pp-ocrv6-small-rec"


def local_reader(
    *, engine: EngineName = "openvino", script: str | None = None, rules: Path | None = None
) -> Reader:
    """A reader over three container servers of this machine.

    Args:
        engine: runs text detection and OCR; where it is `paddleocr`, which has nothing for region detection,
            that one stays on OpenVINO.
        script: recognise this script only; its artefact must have been built.
        rules: a file of validation rules over those of the project.

    Raises:
        EngineError: the environment of the engine is not there; the text says how to make it.
        ArtifactError: an artefact is not there; the text says how to build it.
        ConfigurationError: a rule cannot work.
    """
    root = artifacts_root()
    models = {
        "region_detection": "picodet-layout-cdla",
        "text_detection": "pp-ocrv6-small-det",
        "ocr": f"{RECOGNISER}-{script}" if script else RECOGNISER,
    }
    cache = root / ".cache"
    containers = []
    for stage, model in models.items():
        runs_on = _engine_of(stage, engine)
        settings = {"engine": runs_on, "cache_dir": cache}
        containers.append(
            Container(stage, _folder(root, model), settings=settings, python=_python_of(runs_on))
        )
    orientation = _folder(root, "textline-orientation")
    rotation = RotationStage.load(StageContext(orientation, threads=granted_threads(), cache_dir=cache))
    return Reader(ContainerFleet(containers), DocumentOpener(), rotation, load_rules(rules))


def _engine_of(stage: str, engine: EngineName) -> EngineName:
    return "openvino" if engine == "paddleocr" and stage == "region_detection" else engine


def _python_of(engine: EngineName) -> Path:
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


def _folder(root: Path, name: str) -> Path:
    folder = root / name
    if not folder.is_dir():
        script = name.removeprefix(f"{RECOGNISER}-")
        what = name if script == name else f"{RECOGNISER} --script {script}"
        raise ArtifactError(
            f"model artefact {name} is not in {root}: run `hybrid-ocr artifacts build {what}`",
            code=ErrorCode.ARTIFACT_NOT_FOUND,
        )
    return folder
