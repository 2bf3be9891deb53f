"""SageMaker's own SDKs, each in an environment of its own, against the endpoints of a local AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_aws import Component, LocalAws, Settings
from local_aws.account import CREDENTIALS, REGION
from local_aws.tests.sagemaker.conftest import ROOT, fake_container

pytestmark = [pytest.mark.install, pytest.mark.timeout(1800), pytest.mark.xdist_group("sdks")]


def python_with(name: str, requirement: str) -> Path:
    """The interpreter of an environment that has it, under build/venvs: half a gigabyte, made once."""
    folder = ROOT / "build" / "venvs" / name
    python, made = folder / "bin" / "python", folder / ".made"
    if not made.exists() or made.read_text() != requirement:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True)
        made.write_text(requirement)
    return python


def found_by(python: Path, script: str, home: Path, **variables: str) -> dict[str, Any]:
    """What a script of this folder prints last, run against a local AWS of its own."""
    component = Component(containers=lambda model, _s3: fake_container(model))
    with LocalAws(component, Settings(log_dir=home / "logs", metrics=False)) as aws:
        aws.client("s3").create_bucket(Bucket="work")
        given = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        login = {name.upper(): value for name, value in CREDENTIALS.items() if name.startswith("aws_")}
        region = {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws.endpoint_url}
        done = subprocess.run(
            [python, Path(__file__).with_name(script)],
            env={**given, **login, **region, "HOME": str(home), **variables},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("name", "requirement", "core"),
    [("sagemaker-core", "sagemaker-core>=2.27,<3", "2"), ("sagemaker-2", "sagemaker>=2.257,<3", "1")],
)
def test_the_core_of_sdk_3_drives_endpoints(name: str, requirement: str, core: str, tmp_path: Path) -> None:
    found = found_by(python_with(name, requirement), "core.py", tmp_path, TRY_CORE=core)
    assert found["realtime"] == {
        "environment": {"A_B": "c"},
        "answer": "page",
        "config": "second",
        "image": "second:1",
        "instances": 1,
    }
    assert found["asynchronous"] == {"output_path": "s3://work/out", "output": "page"}
    assert found["left"] == []


def test_sdk_2_drives_endpoints(tmp_path: Path) -> None:
    found = found_by(python_with("sagemaker-2", "sagemaker>=2.257,<3"), "two.py", tmp_path)
    assert found["realtime"] == {"answer": "page", "image": "second:1", "instances": 2}
    path = found["asynchronous"].pop("path")
    assert path.startswith("s3://work/out/")
    assert found["asynchronous"] == {"output": "page", "instances": 2, "again": "again"}
    assert found["left"] == []
