"""What an image installs resolves on the Python of its base, to pinned versions alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import ROOT
from tests.hosts.test_dockerfile import inherited

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]

IMAGES: Final = (
    ("lambdas/Dockerfile", "light"),
    ("lambdas/Dockerfile", "heavy"),
    ("endpoints/Dockerfile", "cpu"),
    ("endpoints/Dockerfile", "gpu"),
    ("endpoints/Dockerfile", "paddle"),
)
UBUNTU: Final = {"24.04": "3.12"}
"""The Python that a release of Ubuntu brings."""
PLATFORMS: Final = (
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
)
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _python(base: str) -> str:
    """The minor version of Python in a base image."""
    if found := re.match(r"python:(\d+\.\d+)", base):
        return found[1]
    [ubuntu] = re.findall(r"ubuntu(\d+\.\d+)", base)
    return UBUNTU[ubuntu]


def _requirements(extra: str) -> Iterator[str]:
    for told in PROJECT["optional-dependencies"][extra]:
        if told.startswith("hybrid-ocr["):
            for other in told.removeprefix("hybrid-ocr[").removesuffix("]").split(","):
                yield from _requirements(other)
        else:
            yield told


def _pins(file: Path) -> dict[str, str]:
    lines = [line.partition("==") for line in file.read_text().splitlines() if "==" in line]
    return {_normal(name): version for name, _, version in lines}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@pytest.mark.parametrize(("dockerfile", "target"), IMAGES)
def test_an_image_installs_pinned_versions_that_its_python_has(
    dockerfile: str, target: str, tmp_path: Path
) -> None:
    base, told = inherited(target, ROOT / dockerfile)
    [install] = re.findall(r'pip install -c /src/(\S+) (\w+ )?"/src\[(\w+)\]"', " ".join(told["RUN"]))
    constraints, beside, extra = install
    command: list[Any] = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"),
        *("--target", tmp_path, "--python-version", _python(base), "--only-binary=:all:", "--report", "-"),
        *(part for platform in PLATFORMS for part in ("--platform", platform)),
        *("-c", ROOT / constraints, *PROJECT["dependencies"], *_requirements(extra), *beside.split()),
    ]

    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    chosen = {
        _normal(told["metadata"]["name"]): told["metadata"]["version"]
        for told in json.loads(done.stdout)["install"]
    }
    pins = _pins(ROOT / constraints)
    assert {name: version for name, version in chosen.items() if pins.get(name) != version} == {}
