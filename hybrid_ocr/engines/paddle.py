"""The `paddleocr` package as an engine: its own pre- and post-processing around the network of our artefact.

It is the reference the other engines are held to, and can be chosen for text detection and OCR. It brings
opencv-contrib-python, so it lives in an environment of its own (`make paddle`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.stage import StageContext

Task = Literal["TextDetection", "TextRecognition"]


class PaddlePredictor:
    """One model of the `paddleocr` package on ONNX Runtime, fed from a verified artefact. CPU, float32.

    Raises:
        EngineError: ENGINE_UNAVAILABLE where paddleocr is not installed, ENGINE_FAILED where it
            refuses the model.
        ArtifactError: inference.yml has what paddleocr would run as code.
        ConfigurationError: a precision it cannot compute with.
    """

    def __init__(self, task: Task, artifact: Artifact, context: StageContext, **settings: object) -> None:
        if context.precision not in {"auto", "f32"}:
            raise ConfigurationError(f"paddleocr computes here in f32, not in {context.precision}")
        _refuse_code(artifact)
        package = _paddleocr()
        try:
            self._model = getattr(package, task)(
                model_name=artifact.config.get("Global", {}).get("model_name"),
                model_dir=str(context.model_dir),
                engine="onnxruntime",
                device="cpu",
                engine_config={
                    "intra_op_num_threads": context.threads,
                    "inter_op_num_threads": 1,
                    "enable_cpu_mem_arena": False,  # an arena never shrinks, and shapes differ
                },
                **settings,
            )
        except Exception as error:  # its errors share no base class
            raise EngineError(
                f"paddleocr cannot load {artifact.identity.name}: {str(error)[:300]}"
            ) from error

    def __call__(self, images: Sequence[NDArray[np.uint8]], batch_size: int) -> list[Mapping[str, Any]]:
        """Run on (H, W, 3) uint8 images, blue, green, red; one result each, in order. Raises EngineError."""
        try:
            return list(self._model.predict(list(images), batch_size=batch_size))
        except Exception as error:
            raise EngineError(f"paddleocr failed: {str(error)[:300]}") from error


@cache
def _paddleocr() -> ModuleType:
    """The package, told to stay off the network and out of the home directory.

    It would ask model hubs for answers when it starts, and when imported makes a folder for downloads and
    pickled results at home, which is read-only in a container. The folder it gets is gone after the import,
    and not missed.
    """
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    try:
        with tempfile.TemporaryDirectory(prefix="paddlex-") as scratch:
            os.environ["PADDLE_PDX_CACHE_HOME"] = scratch
            import paddleocr
    except ImportError as error:
        raise EngineError(
            f"engine paddleocr is not installed here ({error}): use the environment of `make paddle`, "
            "or the paddle target of the image",
            code=ErrorCode.ENGINE_UNAVAILABLE,
        ) from error
    module: ModuleType = paddleocr
    return module


def _refuse_code(artifact: Artifact) -> None:
    """Refuse a scale that is not a number: paddlex hands a `scale` that is text to eval()."""
    for scale in _scales(artifact.config):
        if isinstance(scale, str) and not set(scale) <= set("0123456789./ "):
            raise ArtifactError(f"{artifact.identity.name}: its scale is not a number: {scale[:40]!r}")


def _scales(config: object) -> Iterator[object]:
    """The value of every key `scale`, at any depth."""
    if isinstance(config, dict):
        yield from (value for key, value in config.items() if key == "scale")
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _scales(value)
