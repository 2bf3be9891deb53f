"""ONNX Runtime, on CUDA or on CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.engines.base import NetworkSpec

# EXHAUSTIVE, the default, searches anew for every shape and makes a GPU slower than a CPU on lines of text.
_CUDA = (
    "CUDAExecutionProvider",
    {"cudnn_conv_algo_search": "DEFAULT", "arena_extend_strategy": "kSameAsRequested"},
)


class OnnxRuntimeNetwork:
    """A network in one session. With `cuda` it runs there or not at all."""

    def __init__(self, spec: NetworkSpec, *, cuda: bool) -> None:
        """Open the session; raises EngineError or ConfigurationError."""
        if spec.precision not in {"auto", "f32"}:
            raise ConfigurationError(f"ONNX Runtime computes here in f32, not in {spec.precision}")
        if cuda and _CUDA[0] not in ort.get_available_providers():
            raise EngineError(
                "this build of ONNX Runtime has no CUDA; install onnxruntime-gpu",
                code=ErrorCode.ENGINE_UNAVAILABLE,
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = spec.threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # an arena never shrinks, and shapes differ from page to page
        try:
            self._session = ort.InferenceSession(
                spec.onnx, options, providers=[_CUDA] if cuda else ["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no base class
            raise EngineError(f"ONNX Runtime cannot load {spec.onnx.name}: {str(error)[:300]}") from error
        if cuda and _CUDA[0] not in self._session.get_providers():
            # ONNX Runtime falls back to the CPU without an error; a GPU endpoint must not.
            raise EngineError(
                "ONNX Runtime could not start CUDA: driver, CUDA or cuDNN are missing or do not match",
                code=ErrorCode.ENGINE_UNAVAILABLE,
            )
        self._spec = spec
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        """Run on (N, H, W, 3) uint8; see `Network`."""
        try:
            outputs = self._session.run(None, {self._input: _normalised(images, self._spec)})
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed on {images.shape}: {str(error)[:300]}") from error
        return _ctc_head(outputs[0]) if self._spec.head == "ctc" else tuple(outputs)


def _normalised(images: NDArray[np.uint8], spec: NetworkSpec) -> NDArray[np.float32]:
    """(N, H, W, 3) uint8 as (N, 3, H, W) float32, see `NetworkSpec`."""
    ordered = images[..., ::-1] if spec.channels == "rgb" else images
    pixels = ordered.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    pixels -= np.asarray(spec.mean, np.float32)[:, None, None]
    pixels /= np.asarray(spec.scale, np.float32)[:, None, None]
    return pixels


def _ctc_head(scores: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """(N, T, classes) probabilities to three arrays (N, T), see `Head`."""
    best = scores.argmax(axis=2)
    return best.astype(np.int32), np.take_along_axis(scores, best[..., None], axis=2)[..., 0], scores[..., -1]
