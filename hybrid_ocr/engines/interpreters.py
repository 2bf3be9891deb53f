"""Whether an engine is here, and which Python interpreter has it: asked before anything is started."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hybrid_ocr.contracts.errors import EngineError, ErrorCode
from hybrid_ocr.contracts.stage import EngineName

PADDLE_PYTHON: Final = Path(__file__).resolve().parents[2] / ".venv-paddle" / "bin" / "python"
"""Made by `make paddle`: paddleocr brings a build of OpenCV that overwrites ours, so it lives apart."""

_PACKAGES: Final[dict[EngineName, tuple[str, str]]] = {
    "openvino": ("openvino", "read"),
    "onnxruntime-cpu": ("onnxruntime", "onnxruntime"),
    "onnxruntime-cuda": ("onnxruntime", "read,gpu"),
}
"""The module of an engine, and the extra that installs it."""


def python_of(engine: EngineName) -> Path:
    """The interpreter that has an engine: this one, or for paddleocr perhaps one of its own.

    Raises:
        EngineError: ENGINE_UNAVAILABLE; the text says what to install.
    """
    if engine == "paddleocr":
        return _paddle_python()
    module, extra = _PACKAGES[engine]
    if find_spec(module) is None:
        raise _unavailable(f"engine {engine} is not installed here: pip install 'hybrid-ocr[{extra}]'")
    if engine == "onnxruntime-cuda":
        _require_cuda()
    return Path(sys.executable)


def _paddle_python() -> Path:
    if find_spec("paddleocr") is not None:
        return Path(sys.executable)
    python = Path(os.environ.get("HYBRID_OCR_PADDLE_PYTHON", PADDLE_PYTHON))
    if not python.is_file():
        raise _unavailable(
            f"engine paddleocr needs an environment of its own, and {python} is not there: run `make paddle`"
            " in a checkout, or name the interpreter of yours by HYBRID_OCR_PADDLE_PYTHON"
        )
    return python


def _require_cuda() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise _unavailable(
            "engine onnxruntime-cuda: this build of ONNX Runtime has no CUDA: pip uninstall onnxruntime, "
            "then pip install 'hybrid-ocr[read,gpu]'"
        )


def _unavailable(message: str) -> EngineError:
    return EngineError(message, code=ErrorCode.ENGINE_UNAVAILABLE)
