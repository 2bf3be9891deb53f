"""The images of the functions, as far as their text can tell without an engine."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import tomllib

import pytest

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.stages import STAGES
from tests.conftest import ROOT
from tests.hosts.test_dockerfile import inherited
from topology.model import load_topology

DOCKERFILE = ROOT / "lambdas/Dockerfile"
FUNCTIONS = load_topology().functions
IMAGES = ("light", "heavy")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_speaks_to_lambda_and_runs_a_function_it_is_for(image: str) -> None:
    base, told = inherited(image, DOCKERFILE)
    assert any(character.isdigit() for character in base.partition(":")[2]), "the base image is not pinned"
    assert json.loads(told["ENTRYPOINT"][-1]) == ["python", "-P", "-m", "awslambdaric"]
    [handler] = json.loads(told["CMD"][-1])
    assert handler in {function.handler for function in FUNCTIONS.values() if function.image == image}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_of_a_function_is_in_its_image(name: str) -> None:
    function = FUNCTIONS[name]
    assert function.image in IMAGES
    module, _, attribute = function.handler.rpartition(".")
    assert attribute == "handler"
    assert importlib.util.find_spec(module)


@pytest.mark.parametrize(("image", "extra"), [("light", "function"), ("heavy", "lambda")])
def test_an_image_installs_its_extra_and_lambdas_client_pinned(image: str, extra: str) -> None:
    _, told = inherited(image, DOCKERFILE)
    commands = " ".join(told["RUN"])
    assert f'pip install -c /src/constraints.txt awslambdaric "/src[{extra}]"' in commands
    assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "\nawslambdaric==" in (ROOT / "constraints.txt").read_text()


def test_what_a_function_needs_beside_code_is_where_it_looks_for_it() -> None:
    packed = {spec.artifact for spec in STAGES.values() if spec.host == "function" and spec.artifact}
    pins, artefact, *code = (rest.split() for rest in inherited("heavy", DOCKERFILE)[1]["COPY"])
    assert pins == ["pyproject.toml", "constraints.txt", "./"], "what is installed lies below the code"
    assert artefact[-1] == "/opt/ml/model"
    assert {artefact[-2].rpartition("/")[2]} == packed
    assert code == [["hybrid_ocr", "/var/task/hybrid_ocr"], ["lambdas", "/var/task/lambdas"]]
    assert all((artifacts_root() / name).is_dir() for name in packed)


def sent(path: str) -> bool:
    """Whether a build sees a path: the last rule that matches it or a folder above it decides."""
    seen = True
    above = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
    for rule in (ROOT / "lambdas/Dockerfile.dockerignore").read_text().splitlines():
        if rule and not rule.startswith("#"):
            allows, pattern = rule.startswith("!"), rule.removeprefix("!").removeprefix("**/")
            if any(
                fnmatch.fnmatch(part, pattern) and part.count("/") == pattern.count("/") for part in above
            ):
                seen = allows
    return seen


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("pyproject.toml", True),
        ("constraints.txt", True),
        ("lambdas/rotation/handler.py", True),
        ("hybrid_ocr/hosts/function.py", True),
        ("build/artifacts/textline-orientation/inference.onnx", True),
        ("build/artifacts/pp-ocrv6-small-rec/inference.onnx", False),
        ("build/venvs/paddle/bin/python", False),
        ("samples/documents/letter.jpg", False),
        (".venv/bin/python", False),
        ("endpoints/Dockerfile", False),
    ],
)
def test_a_build_sees_code_pins_and_one_artefact(path: str, seen: bool) -> None:
    assert sent(path) is seen
