"""What is installed once: a wheel of this tree, and a checkout that is set up as its README says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hybrid_ocr.artifacts import artifacts_root
from tests.conftest import ROOT
from tests.install.environments import Environment

TRUTH = "receipt.truth.json"
DOCUMENTS = {
    "scan.pdf": "article.pdf",
    "page.png": "receipt.png",
    "page.jpg": "letter.jpg",
    "photos/letter.jpg": "letter.jpg",
    "page.truth.json": TRUTH,
}
"""What the documentation calls the documents of its reader, and the samples that stand in for them."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built from a copy so that nothing is left behind."""
    source, folder = checkout_copy(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source]
    subprocess.run(command, check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Environment]:
    """Makes an environment with the wheel and some extras: `installed("client")`, `installed("")`."""

    def make(extras: str) -> Environment:
        requirement = f"hybrid-ocr[{extras}] @ {wheel.as_uri()}" if extras else str(wheel)
        return Environment.make(tmp_path_factory.mktemp("environment"), requirement)

    return make


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with the documents that the documentation speaks of, and nothing of a checkout."""
    folder = tmp_path / "documents"
    for name, sample in DOCUMENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "samples" / "documents" / sample, folder / name)
    return folder


def checkout_copy(folder: Path) -> Path:
    """What git tracks of this tree, as it lies here; a clone would leave out what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def fetched_models(into: Path) -> None:
    """Put the wheels that the models come from where a build looks first: they are large."""
    shutil.copytree(artifacts_root() / ".sources", into / ".sources", dirs_exist_ok=True)
