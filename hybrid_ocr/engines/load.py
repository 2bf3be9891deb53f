"""Chooses the engine that runs a network; each is imported only where it was asked for."""

from __future__ import annotations

from hybrid_ocr.contracts.errors import ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.engines.base import Network, NetworkSpec


def load_network(engine: EngineName, spec: NetworkSpec) -> Network:
    """Load a network into an engine.

    Raises:
        EngineError: ENGINE_UNAVAILABLE where the engine or its device is not here, ENGINE_FAILED where it
            cannot load the network.
        ConfigurationError: the engine does not run single networks, or cannot compute with that precision.
    """
    try:
        if engine == "openvino":
            from hybrid_ocr.engines.openvino import OpenVinoNetwork

            return OpenVinoNetwork(spec)
        if engine in {"onnxruntime-cpu", "onnxruntime-cuda"}:
            from hybrid_ocr.engines.onnxruntime import OnnxRuntimeNetwork

            return OnnxRuntimeNetwork(spec, cuda=engine == "onnxruntime-cuda")
    except ImportError as error:
        raise EngineError(
            f"engine {engine} is not installed here: {error}", code=ErrorCode.ENGINE_UNAVAILABLE
        ) from error
    raise ConfigurationError(f"engine {engine!r} does not run a network of its own for this stage")
