"""Which artefact an endpoint serves: the one that the lock of the catalogue pins."""

from __future__ import annotations

from pathlib import Path

from hybrid_ocr.artifacts.building.catalogue import load_catalogue
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.messages import ModelIdentity

__all__ = ["pinned"]


def pinned(artifact: str, catalogue: Path | None = None) -> ModelIdentity:
    """The identity of an artefact by its name.

    Raises:
        ConfigurationError: the catalogue has no such artefact, or its lock no sha256 of it.
    """
    known = load_catalogue(catalogue)
    recipe = known.recipe(artifact)
    if recipe.name not in known.lock:
        raise ConfigurationError(
            f"lock.toml: {recipe.name}: its sha256 is unknown: run `hybrid-ocr artifacts build "
            f"{recipe.name}` and write down the one it tells"
        )
    return ModelIdentity(name=recipe.name, version=recipe.entry.version, sha256=known.lock[recipe.name])
