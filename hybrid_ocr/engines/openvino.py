"""OpenVINO on CPU. Normalisation, layout and the choice of the best class are part of the compiled graph."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from hybrid_ocr.contracts.errors import ConfigurationError, EngineError
from hybrid_ocr.engines.base import NetworkSpec

# The CPU plugin keeps compiled kernels for every shape it met, 5,000 by default, and so grows with ever new
# shapes. Stages ask for few shapes; this bounds what their many layers may keep.
_KERNELS_KEPT: Final = "3000"

# While it reads a network OpenVINO sets the locale of the whole process to C, then back to what it found. Two
# threads that do so at once leave it at C: a later open() of the caller would then take every file for ASCII.
_LOADING: Final = threading.Lock()


class OpenVinoNetwork:
    """A network compiled for this CPU."""

    def __init__(self, spec: NetworkSpec) -> None:
        """Read, extend and compile the network; raises EngineError or ConfigurationError."""
        try:
            with _LOADING:
                core = ov.Core()
                self._compiled = core.compile_model(_extended(core, spec), "CPU", _properties(core, spec))
            self._request = self._compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO cannot load {spec.onnx.name}: {_first_line(error)}") from error

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        """Run on (N, H, W, 3) uint8; see `Network`."""
        try:
            results = self._request.infer([np.ascontiguousarray(images)], share_inputs=True)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on {images.shape}: {_first_line(error)}") from error
        return tuple(results[output] for output in self._compiled.outputs)


def _extended(core: ov.Core, spec: NetworkSpec) -> ov.Model:
    """The network from uint8 (N, H, W, C) pixels to what `spec.head` asks for."""
    model = core.read_model(spec.onnx)
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    pixels = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if spec.channels == "rgb":
        pixels = pixels.reverse_channels()
    pixels.mean(list(spec.mean)).scale(list(spec.scale))
    model = steps.build()
    return _ctc_head(model) if spec.head == "ctc" else model


def _ctc_head(model: ov.Model) -> ov.Model:
    """Three (N, T) arrays leave the network instead of (N, T, classes) probabilities, see `Head`."""
    scores = model.output(0).get_node().input_value(0)
    best = ops.topk(scores, np.int64(1), axis=2, mode="max", sort="value", index_element_type="i32")
    axis = np.array([2], np.int64)
    last = ops.gather(scores, np.array(-1, np.int64), axis)
    outputs = [ops.squeeze(best.output(1), axis), ops.squeeze(best.output(0), axis), last]
    return ov.Model(outputs, model.get_parameters(), model.get_friendly_name())


def _properties(core: ov.Core, spec: NetworkSpec) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": spec.threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # several servers share the cores of one machine
        "INFERENCE_PRECISION_HINT": _precision(core, spec),
        "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS_KEPT,
    }
    if spec.cache_dir is not None:
        Path(spec.cache_dir).mkdir(parents=True, exist_ok=True)
        properties["CACHE_DIR"] = str(spec.cache_dir)
    return properties


def _precision(core: ov.Core, spec: NetworkSpec) -> str:
    native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if spec.precision == "auto":
        return "bf16" if native else "f32"
    if spec.precision == "f16" or (spec.precision == "bf16" and not native):
        raise ConfigurationError(f"this CPU does not compute natively in {spec.precision}; use auto or f32")
    return spec.precision


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
