"""What this machine needs: artefacts that were built, and a program that builds images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError
from hybrid_ocr.contracts.stages import artifact_names
from infra.contexts import check_built
from infra.models import pinned
from infra.preflight.check import Check, failed, ok
from topology import load_topology

__all__ = ["artifacts", "builder"]

_OTHERS: Final = ("finch", "podman", "nerdctl")
"""Programs that the CDK can use in place of docker."""
_SECONDS: Final = 30


def artifacts(root: Path, folder: Path) -> Iterator[Check]:
    """The artefact of every stage, whole and as the catalogue pins it, and those that images hold."""
    try:
        check_built(load_topology(), root)
        for name in sorted(set(artifact_names().values())):
            archive = folder / f"{name}.tar.gz"
            if not archive.is_file():
                raise ConfigurationError(f"{archive} is missing: run `hybrid-ocr artifacts build {name}`")
            found = load_artifact(folder / name).identity
            if found.sha256 != pinned(name).sha256:
                raise ConfigurationError(
                    f"{folder / name} is not the one that the catalogue pins: "
                    f"run `hybrid-ocr artifacts build --force {name}`"
                )
    except (ArtifactError, ConfigurationError) as error:
        yield failed("artefacts", error.message)
    else:
        yield ok("artefacts", f"{len(set(artifact_names().values()))} built, as the catalogue pins them")


def builder() -> Iterator[Check]:
    """The program that the CDK builds images with: what CDK_DOCKER names, else docker."""
    name = os.environ.get("CDK_DOCKER") or "docker"
    program = shutil.which(name)
    if program is None:
        there = [other for other in _OTHERS if shutil.which(other)]
        remedy = f"set CDK_DOCKER={there[0]}" if there else "install Docker or Finch, or set CDK_DOCKER"
        yield failed("image builder", f"there is no program {name}: {remedy}")
        return
    try:
        run = subprocess.run([program, "info"], capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield failed("image builder", f"{program} does not answer ({type(error).__name__}): start it")
        return
    if run.returncode != 0:
        said = next(iter(reversed((run.stderr or run.stdout).strip().splitlines())), "")[:200]
        yield failed("image builder", f"{program} is there but cannot build ({said}): start its daemon")
        return
    yield ok("image builder", program)
