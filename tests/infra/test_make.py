"""What `make` runs to deploy a stage, in which order, and with nothing of the system's but a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the Makefile and what it looks at, and no environment yet."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    catalogue = tmp_path / "hybrid_ocr" / "artifacts" / "building"
    catalogue.mkdir(parents=True)
    (catalogue / "catalogue.toml").touch()
    return tmp_path


def _make(checkout: Path, *words: str, **variables: str) -> str:
    make = shutil.which("make")
    if make is None:
        pytest.skip("needs make")
    return subprocess.run(
        [make, *words],
        cwd=checkout,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def _in_order(text: str, *parts: str) -> None:
    places = [text.index(part) for part in parts]
    assert places == sorted(places), text


@pytest.mark.parametrize("target", ["synth", "preflight", "deploy", "diff", "destroy"])
def test_artefacts_are_built_before_anything_is_made_of_them(checkout: Path, target: str) -> None:
    told = _make(checkout, "--dry-run", target, "STAGE=dev")
    first = "preflight --stage dev" if target in {"preflight", "deploy"} else "python -m infra dev"
    _in_order(told, "hybrid-ocr artifacts build", first)


def test_a_deployment_looks_first_then_makes_templates_then_stacks_then_reads_a_page(checkout: Path) -> None:
    told = _make(checkout, "--dry-run", "deploy", "STAGE=dev-cpu")
    _in_order(
        told,
        "hybrid-ocr preflight --stage dev-cpu",
        "python -m infra dev-cpu",
        "deploy  hybrid-ocr-dev-cpu-data",
        "artifacts publish --on dev-cpu\n",
        "python -m infra.retyping dev-cpu",
        "deploy  --all",
        "artifacts publish --on dev-cpu --activate",
        "smoke --on dev-cpu",
    )


def test_a_stage_is_emptied_once_nothing_fills_it_any_more(checkout: Path) -> None:
    told = _make(checkout, "--dry-run", "destroy", "STAGE=dev")
    _in_order(
        told,
        "infra.teardown ask dev",
        "hybrid-ocr-dev-flow",
        "infra.teardown empty dev",
        "destroy --force --all",
        "infra.teardown rest dev",
    )


@pytest.mark.parametrize(
    ("target", "asked"), [("deploy", "--require-approval never"), ("destroy", "teardown ask dev --yes")]
)
def test_a_machine_is_asked_nothing(checkout: Path, target: str, asked: str) -> None:
    assert asked not in _make(checkout, "--dry-run", target, "STAGE=dev")
    assert asked in _make(checkout, "--dry-run", target, "STAGE=dev", "YES=1")


@pytest.mark.parametrize("target", ["preflight", "deploy", "diff", "destroy"])
def test_no_stage_is_guessed(checkout: Path, target: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _make(checkout, "-o", "develop", "-o", "synth", target)
    assert "say which stage" in refused.value.stdout


def test_the_cdk_runs_on_the_node_of_the_environment(checkout: Path) -> None:
    """Its script asks `env` for node, as npx leaves it; no other node is on the search path."""
    binaries, system = checkout / ".venv" / "bin", checkout / "system"
    binaries.mkdir(parents=True)
    system.mkdir()
    (binaries / "node").symlink_to(Path(sys.executable).with_name("node"))
    script = binaries / "npx"
    script.write_text("#!/bin/sh\nexec env node --print '`node ${process.version}`'\n")
    script.chmod(0o755)
    for program in ("sh", "env", "test"):
        (system / program).symlink_to(str(shutil.which(program)))

    told = _make(checkout, "-o", "synth", "-o", "develop", "diff", "STAGE=dev", PATH=str(system))

    assert "node v" in told
