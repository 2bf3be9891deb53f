"""Networks: arrays in, arrays out. Each engine is imported only where it was asked for."""

import os

# ONNX Runtime sends telemetry home from Linux since 1.29 unless told not to before it is first imported
# (microsoft/onnxruntime, pull request 27379). A container of ours never calls out.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from hybrid_ocr.engines.base import Network, NetworkSpec
from hybrid_ocr.engines.load import load_network

__all__ = ["Network", "NetworkSpec", "load_network"]
