"""The images keep the contract of SageMaker's hosting, as far as their text can tell without an engine."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hybrid_ocr.contracts.stages import ENDPOINTS
from tests.conftest import ROOT

TARGETS = ("cpu", "gpu", "paddle")


@dataclass
class Stage:
    base: str
    lines: list[tuple[str, str]] = field(default_factory=list)


def stages(dockerfile: Path = ROOT / "endpoints/Dockerfile") -> dict[str, Stage]:
    text = dockerfile.read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: dict[str, Stage] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = current = Stage(base)
        else:
            current.lines.append((word, rest))
    return found


def ordered(name: str, dockerfile: Path = ROOT / "endpoints/Dockerfile") -> list[tuple[str, str]]:
    """Every instruction on the way from the base to a target."""
    known = stages(dockerfile)
    chain = [known[name]]
    while chain[0].base in known:
        chain.insert(0, known[chain[0].base])
    return [line for stage in chain for line in stage.lines]


def inherited(
    name: str, dockerfile: Path = ROOT / "endpoints/Dockerfile"
) -> tuple[str, dict[str, list[str]]]:
    """The image a target starts from, and every instruction on the way, from the base to the target."""
    known, told = stages(dockerfile), {}
    chain = [known[name]]
    while chain[0].base in known:
        chain.insert(0, known[chain[0].base])
    for stage in chain:
        for word, rest in stage.lines:
            told.setdefault(word, []).append(rest)
    return chain[0].base, told


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_serves_the_endpoint_it_is_built_for_on_the_port_of_sagemaker(target: str) -> None:
    base, told = inherited(target)
    entrypoint = json.loads(told["ENTRYPOINT"][-1])  # the exec form is JSON: no shell stands before SIGTERM
    assert entrypoint == ["python", "-P", "-m", "endpoints"]
    assert told["ARG"] == ["ENDPOINT"]
    assert "HYBRID_OCR_ENDPOINT=$ENDPOINT" in told["ENV"]
    assert json.loads(told["CMD"][-1]) == ["serve"]
    assert told["EXPOSE"] == ["8080"]
    assert "USER" not in told  # SageMaker wants root
    assert "accept-bind-to-port=true" in " ".join(told["LABEL"])
    name, _, tag = base.partition(":")
    assert name
    assert any(character.isdigit() for character in tag), "the base image is not pinned"
    engine = {"cpu": "openvino", "gpu": "onnxruntime-cuda", "paddle": "paddleocr"}[target]
    assert f"HYBRID_OCR_ENGINE={engine}" in " ".join(told["ENV"])
    assert "HYBRID_OCR_HOST=0.0.0.0" in " ".join(told["ENV"]), "it is reached from outside"


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_installs_its_own_extra_pinned_and_without_questions(kind: str) -> None:
    _, told = inherited(kind)
    commands = " ".join(told["RUN"])
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert kind in extras
    constraints = "constraints-paddle.txt" if kind == "paddle" else "constraints.txt"
    assert f'pip install -c /src/{constraints} "/src[{kind}]"' in commands
    assert commands.count("apt-get install -y") == commands.count("DEBIAN_FRONTEND=noninteractive")
    assert "PIP_NO_INPUT=1" in " ".join(told["ENV"])


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_has_the_folder_that_its_image_runs(endpoint: str) -> None:
    assert importlib.util.find_spec(f"endpoints.{endpoint}.__main__")


@pytest.mark.parametrize("named", ["", "rotation", "../ocr"])
def test_an_image_of_no_endpoint_ends_at_once_and_says_which_there_are(named: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "endpoints", "serve"],
        cwd=ROOT,
        env={**os.environ, "HYBRID_OCR_ENDPOINT": named},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert f"HYBRID_OCR_ENDPOINT is {named!r}: it names one of {', '.join(ENDPOINTS)}" in run.stderr


def test_the_build_sees_code_and_pins_only() -> None:
    lines = (ROOT / "endpoints/Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {"!hybrid_ocr", "!endpoints", "!pyproject.toml", "!constraints*.txt"} <= set(rules)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_installed_lies_below_the_code_and_no_code_is_installed(target: str) -> None:
    steps = [(word, rest) for word, rest in ordered(target) if word in {"COPY", "RUN"}]
    installs = next(i for i, (_, rest) in enumerate(steps) if "pip install" in rest)
    assert "pip uninstall --yes hybrid-ocr" in steps[installs][1]
    assert [rest.split()[:-1] for word, rest in steps[:installs] if word == "COPY"] == [
        ["pyproject.toml", "constraints*.txt"]
    ]
    assert [rest for word, rest in steps[installs:] if word == "COPY"] == [
        "hybrid_ocr /opt/hybrid-ocr/hybrid_ocr",
        "endpoints /opt/hybrid-ocr/endpoints",
    ]
