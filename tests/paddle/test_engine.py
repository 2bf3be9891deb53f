"""What the paddleocr engine refuses; runs with and without the package."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from hybrid_ocr.artifacts import Artifact, Manifest
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.paddle import PaddlePredictor

CONTEXT = StageContext(model_dir=Path("nowhere"), engine="paddleocr")


def artifact(config: dict[str, object]) -> Artifact:
    return Artifact(
        identity=ModelIdentity(name="made-up", version="1", sha256="0" * 64),
        manifest=Manifest.model_construct(),
        onnx=Path("nowhere/inference.onnx"),
        config=config,
    )


def test_code_in_the_configuration_is_refused(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    step = {"NormalizeImage": {"scale": f"open({json.dumps(str(witness))}, 'w')", "order": "hwc"}}
    with pytest.raises(ArtifactError, match="scale is not a number"):
        PaddlePredictor("TextDetection", artifact({"PreProcess": {"transform_ops": [step]}}), CONTEXT)
    assert not witness.exists()


def test_precision_it_cannot_compute_with_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="bf16"):
        PaddlePredictor("TextDetection", artifact({}), replace(CONTEXT, precision="bf16"))


@pytest.mark.skipif(find_spec("paddleocr") is not None, reason="paddleocr is installed here")
def test_where_it_is_not_installed_the_error_says_how_to_get_it() -> None:
    with pytest.raises(EngineError, match="make paddle") as caught:
        PaddlePredictor("TextDetection", artifact({}), CONTEXT)
    assert caught.value.code is ErrorCode.ENGINE_UNAVAILABLE


@pytest.mark.paddle
@pytest.mark.skipif(find_spec("paddleocr") is None, reason="needs the environment of `make paddle`")
def test_a_model_it_does_not_know_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot load made-up") as caught:
        PaddlePredictor("TextDetection", artifact({}), replace(CONTEXT, model_dir=tmp_path))
    assert caught.value.code is ErrorCode.ENGINE_FAILED
