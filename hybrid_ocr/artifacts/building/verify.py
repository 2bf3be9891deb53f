"""Verify an artefact as a folder or as a model.tar.gz."""

from __future__ import annotations

from pathlib import Path

from hybrid_ocr.artifacts.building.archive import unpack
from hybrid_ocr.artifacts.folder import check_contents, identity_of, load_artifact
from hybrid_ocr.artifacts.manifest import MANIFEST, Manifest
from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.contracts.messages import ModelIdentity


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
