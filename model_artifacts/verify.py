"""Verify an artefact as a folder or as a model.tar.gz."""

from __future__ import annotations

from pathlib import Path

from model_artifacts.archive import unpack
from ocr_core.artifacts.folder import check_contents, identity_of, load_artifact
from ocr_core.artifacts.manifest import MANIFEST, Manifest
from ocr_core.contracts.errors import ArtifactError
from ocr_core.contracts.messages import ModelIdentity


def verify(path: Path) -> ModelIdentity:
    """Check every byte of an artefact; nothing is written and no engine opens it.

    Raises:
        ArtifactError: naming the member that is wrong.
    """
    if path.is_dir():
        return load_artifact(path).identity
    contents = unpack(path)
    raw = contents.pop(MANIFEST, None)
    if raw is None:
        raise ArtifactError(f"{path} has no {MANIFEST}")
    manifest = Manifest.from_bytes(raw, f"{path}: {MANIFEST}")
    check_contents(manifest, contents, str(path))
    return identity_of(manifest, raw)
