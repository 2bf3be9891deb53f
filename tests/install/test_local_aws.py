"""The local AWS as a distribution of its own: its wheel alone starts its example."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.install.environments import Environment

pytestmark = [pytest.mark.install, pytest.mark.timeout(600)]


def test_its_example_answers_from_its_wheel_alone(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "local_aws", source, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    environment = Environment.make(tmp_path / "environment", str(source))
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(source / "example", elsewhere / "local_aws" / "example")
    readme = (source / "README.md").read_text("utf-8")
    code, answer = re.findall(r"```(?:python)?\n(.*?)```", readme, re.DOTALL)[:2]

    done = environment.run(["python", "-P", "-c", code], elsewhere)

    assert (done.stdout, done.returncode) == (answer, 0), done.stderr
    assert environment.run(["python", "-P", "-c", "import hybrid_ocr"], elsewhere).returncode != 0
