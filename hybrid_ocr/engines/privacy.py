"""Engines that call home are told not to, before they are imported."""

from __future__ import annotations

import os
import sys


def keep_quiet() -> None:
    """Let no engine of this process look up a host, send what it knows, or write into the home directory.

    ONNX Runtime does so from Linux since 1.29 unless a variable forbids it (microsoft/onnxruntime, pull
    request 27379). OpenVINO does so when it is imported, unless its package for that cannot be: then it takes
    a stub of its own. None is what Python finds for a name that is blocked.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
