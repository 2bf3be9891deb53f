"""The steps of docs/add-a-stage are taken in a copy of this checkout, and their promises are tried there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_ocr.artifacts import artifacts_root
from tests.conftest import ROOT

EXAMPLE = ROOT / "docs" / "add-a-stage"
LEFT_OUT = shutil.ignore_patterns(".*", "build", "out", "cdk.out", "__pycache__", "*.egg-info")


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints in the copy, in which its modules win over those of this checkout."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "HYBRID_OCR_ARTIFACTS": str(artifacts_root().resolve()),
            "GIT_CEILING_DIRECTORIES": str(folder.parent),  # a patch is of this folder, whatever is above it
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def pass_tests(folder: Path, *paths: str) -> str:
    return run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout after all steps of docs/add-a-stage/README.md."""
    folder = tmp_path_factory.mktemp("add-a-stage") / "checkout"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    patches = sorted(EXAMPLE.glob("*.patch"))
    assert patches
    for patch in patches:
        run(folder, "git", "apply", patch)
    shutil.copytree(EXAMPLE / "files", folder, dirs_exist_ok=True)
    run(folder, sys.executable, "-m", "hybrid_ocr.contracts.generate")
    return folder


def test_each_step_of_the_page_has_its_files_and_there_are_no_others() -> None:
    page = (EXAMPLE / "README.md").read_text("utf-8")
    patches = {path.name for path in EXAMPLE.glob("*.patch")}
    folders = {
        str(path.parent.relative_to(EXAMPLE / "files"))
        for path in (EXAMPLE / "files").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    for name in patches | folders:
        assert f"({name})" in page or f"(files/{name}/)" in page, name


def test_table_messages_flow_and_stage_are_sound(checkout: Path) -> None:
    assert (checkout / "schemas" / "CodeBatch.json").is_file()
    run(checkout, sys.executable, "-m", "hybrid_ocr.contracts.generate", "--check")
    pass_tests(
        checkout,
        "tests/contracts",
        "tests/code_detection/test_stage.py",
        "tests/stepfunctions/test_file.py",
        "tests/stepfunctions/test_flow.py::test_a_document_is_read_and_its_event_is_published",
        "tests/hosts/test_dockerfile.py::test_every_endpoint_has_the_folder_that_its_image_runs",
        "tests/autoscaling/test_tables.py",
    )


def test_its_code_is_in_the_form_of_this_project(checkout: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    run(checkout, ruff, "check", "--no-cache", "hybrid_ocr", "endpoints", "tests/code_detection")
    run(checkout, ruff, "format", "--no-cache", "--check", "hybrid_ocr", "endpoints", "tests/code_detection")


def test_a_document_passes_through_it_in_the_local_cloud(checkout: Path) -> None:
    assert "1 passed" in pass_tests(checkout, "tests/code_detection/test_flow.py")


def test_every_deployment_has_its_endpoint(checkout: Path) -> None:
    shutil.copytree(
        artifacts_root() / "textline-orientation", checkout / "build/artifacts/textline-orientation"
    )
    run(checkout, sys.executable, "-m", "infra")
    template = (checkout / "infra/cdk.out/prod/hybrid-ocr-prod-endpoints.template.json").read_text()
    for mode in ("async", "realtime"):
        assert f'"EndpointName": "hybrid-ocr-prod-code-detection-{mode}"' in template
