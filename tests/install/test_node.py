"""The CDK's command line runs on the Node of the environment, where the system has none."""

from __future__ import annotations

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

    done = subprocess.run(
        [str(binaries / "npx"), "--yes", version, "--app", str(assembly), "ls"],
        env={"HOME": str(Path.home()), "PATH": f"{binaries}:{system}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [
        f"hybrid-ocr-dev-{part}" for part in ("data", "endpoints", "flow", "operations")
    ]
