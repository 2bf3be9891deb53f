"""What goes into an image, and what changes it: each holds what it runs, and no other change touches it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.names import Names
from infra.synthesis import ROOT, synthesise
from topology import load_topology

TOPOLOGY = load_topology()
LEFT_OUT = shutil.ignore_patterns(
    ".*", "tests", "docs", "samples", "out", "cdk.out", "__pycache__", "*.egg-info"
)
HEAVY = {name for name, told in TOPOLOGY.functions.items() if told.image == "heavy"}
LIGHT = TOPOLOGY.functions.keys() - HEAVY
MODEL = ROOT / "build" / "artifacts" / "textline-orientation"
ENDPOINTS = {"RegionDetectionGpu", "TextDetectionGpu", "OcrGpu"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "checkout"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    return folder


def _contexts(folder: Path) -> dict[str, Path]:
    """The staged context of each image of a cloud assembly, by the image's name."""
    found = {}
    for path in folder.glob("*.assets.json"):
        for told in json.loads(path.read_text("utf-8"))["dockerImages"].values():
            found[told["displayName"].rpartition("/")[2]] = folder / told["source"]["directory"]
    return found


def _hashes(root: Path, output: Path) -> Mapping[str, str]:
    return {name: path.name for name, path in _contexts(synthesise("dev", output=output, root=root)).items()}


@pytest.fixture(scope="module")
def before(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return _hashes(checkout, tmp_path_factory.mktemp("before") / "dev")


@pytest.mark.parametrize(
    ("changed", "images"),
    [
        ("README.md", set()),
        ("lambdas/README.md", set()),
        ("endpoints/README.md", set()),
        ("hybrid_ocr/commands/read.py", set()),
        ("infra/stacks.py", set()),
        ("lambdas/intake/handler.py", {"Light"}),
        ("lambdas/paginate/handler.py", {"Heavy"}),
        ("build/artifacts/textline-orientation/LICENSE", {"Heavy"}),
        ("endpoints/ocr/__main__.py", {"OcrGpu"}),
        ("constraints.txt", {"Light", "Heavy", *ENDPOINTS}),
        ("hybrid_ocr/contracts/messages.py", {"Light", "Heavy", *ENDPOINTS}),
    ],
)
def test_a_change_touches_the_images_that_hold_the_file_and_no_other(  # noqa: PLR0917 - fixtures
    checkout: Path,
    before: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
    images: set[str],
) -> None:
    monkeypatch.setattr("infra.synthesis.check_built", lambda *_: None)  # the artefact is changed on purpose
    file = checkout / changed
    text = file.read_bytes()
    file.write_bytes(text + b"\n")
    try:
        after = _hashes(checkout, tmp_path / "dev")
    finally:
        file.write_bytes(text)

    assert after.keys() == before.keys() == {"Light", "Heavy", *ENDPOINTS}
    assert {name for name in after if after[name] != before[name]} == images


def test_an_image_has_the_functions_it_is_for_and_only_heavy_a_model(assemblies: Mapping[str, Path]) -> None:
    contexts = _contexts(assemblies["dev"])
    for image, functions in (("Light", LIGHT), ("Heavy", HEAVY)):
        assert {path.name for path in (contexts[image] / "lambdas").iterdir() if path.is_dir()} == functions
    assert not (contexts["Light"] / "build").exists()
    held = contexts["Heavy"] / "build" / "artifacts"
    assert [path.name for path in held.iterdir()] == ["textline-orientation"]


@pytest.mark.parametrize("name", TOPOLOGY.functions)
def test_the_context_of_a_function_has_every_module_that_it_imports(
    assemblies: Mapping[str, Path], tmp_path: Path, name: str
) -> None:
    told = TOPOLOGY.functions[name]
    context = _copy(_contexts(assemblies["dev"])[told.image.capitalize()], tmp_path)
    own = TOPOLOGY.environment(name, Names("dev"))
    _import(context, told.handler.rpartition(".")[0], HYBRID_OCR_MODEL_DIR=str(MODEL), **own)


@pytest.mark.parametrize("stage", TOPOLOGY.endpoints)
def test_the_context_of_an_endpoint_has_every_module_that_it_imports(
    assemblies: Mapping[str, Path], tmp_path: Path, stage: str
) -> None:
    image = "".join(word.capitalize() for word in stage.split("_")) + "Gpu"
    context = _copy(_contexts(assemblies["dev"])[image], tmp_path)
    _import(context, f"endpoints.{stage}.__main__", f"hybrid_ocr.stages.{stage}.stage", "hybrid_ocr.engines")


def _copy(context: Path, folder: Path) -> Path:
    """What is imported leaves compiled files behind, which belong into no assembly."""
    shutil.copytree(context, folder / "context")
    return folder / "context"


def _import(context: Path, *modules: str, **variables: str) -> None:
    """Import modules of ours from a staged context alone, and tell which one was taken from elsewhere."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[2:]: importlib.import_module(name)\n"
        "ours = [m.__file__ for n, m in sys.modules.items()"
        " if n.partition('.')[0] in {'hybrid_ocr', 'lambdas', 'endpoints'} and m.__file__]\n"
        "strangers = [file for file in ours if not file.startswith(sys.argv[1])]\n"
        "sys.exit(f'from elsewhere: {strangers}' if strangers else 0)\n"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_OCR_")}
    own = {"PYTHONPATH": str(context), "AWS_DEFAULT_REGION": "us-east-1"}
    run = subprocess.run(
        [sys.executable, "-P", "-c", code, str(context), *modules],
        env={**inherited, **own, **variables},
        cwd=context,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


def _remove(folder: Path) -> None:
    shutil.rmtree(folder)


def _damage(folder: Path) -> None:
    (folder / "inference.onnx").write_bytes(b"\0")


@pytest.mark.parametrize(
    ("harm", "told"), [(_remove, "is missing, and the image 'heavy' holds it"), (_damage, "inference.onnx")]
)
def test_synthesis_refuses_an_artefact_that_is_not_built_or_not_right_and_says_what_to_run(
    checkout: Path, tmp_path: Path, harm: Callable[[Path], None], told: str
) -> None:
    folder = checkout / "build" / "artifacts" / "textline-orientation"
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    harm(folder)
    try:
        with pytest.raises(ConfigurationError) as refused:
            synthesise("dev", output=tmp_path / "dev", root=checkout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)

    assert str(folder) in str(refused.value)
    assert told in str(refused.value)
    assert "hybrid-ocr artifacts build textline-orientation" in str(refused.value)
    assert not (tmp_path / "dev").exists()
