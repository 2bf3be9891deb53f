"""Engines keep to themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_ocr.artifacts import artifacts_root

LOAD = """
import sys, time
from pathlib import Path
from hybrid_ocr.engines import NetworkSpec, load_network
load_network("onnxruntime-cpu", NetworkSpec(onnx=Path(sys.argv[1]), precision="f32"))
time.sleep(1)
"""


def test_onnx_runtime_leaves_no_device_identifier_and_queues_no_telemetry(tmp_path: Path) -> None:
    """By default it writes both under the home directory before it sends them."""
    network = artifacts_root() / "textline-orientation" / "inference.onnx"
    if not network.is_file():
        pytest.skip("no model artefacts here: run `hybrid-ocr artifacts build`")
    suppressing = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in suppressing}
    subprocess.run(
        [sys.executable, "-c", LOAD, str(network)],
        env={**environment, "HOME": str(tmp_path)},
        check=True,
        timeout=240,
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
