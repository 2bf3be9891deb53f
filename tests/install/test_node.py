"""The CDK's command line runs on the Node of the environment, where the system has none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.synthesis import synthesise
from tests.conftest import ROOT

pytestmark = [pytest.mark.install, pytest.mark.timeout(600)]


def test_the_stacks_of_a_stage_are_listed_by_the_real_cdk(tmp_path: Path) -> None:
    assembly = synthesise("dev", output=tmp_path / "dev")
    system = tmp_path / "system"
    system.mkdir()
    for program in ("sh", "env"):
        (system / program).symlink_to(str(shutil.which(program)))
    binaries = Path(sys.executable).parent
    [version] = re.findall(r"aws-cdk@[\d.]+", (ROOT / "Makefile").read_text("utf-8"))

    def cdk(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(binaries / "npx"), "--yes", version, *words],
            env={**os.environ, "PATH": f"{binaries}:{system}"},
            capture_output=True,
            text=True,
            check=False,
        )

    if "npm error" in (fetched := cdk("--version")).stderr:
        pytest.skip(f"{version} cannot be fetched: {fetched.stderr[:200]}")
    done = cdk("--app", str(assembly), "ls")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        f"hybrid-ocr-dev-{part}" for part in ("data", "endpoints", "flow", "operations")
    ]
