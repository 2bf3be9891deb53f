"""Model artefacts: what lies in the folder of a model, and the checks before any of it is used."""

from hybrid_ocr.artifacts.folder import Artifact, artifacts_root, load_artifact
from hybrid_ocr.artifacts.manifest import Manifest

__all__ = ["Artifact", "Manifest", "artifacts_root", "load_artifact"]
