"""From a model's ModelDataUrl and Image to the container that this machine starts for it."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any, Final, cast

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.artifacts.building.archive import unpack
from hybrid_ocr.artifacts.manifest import MANIFEST
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.keys import split_uri
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.contracts.stages import ENDPOINTS, STAGES
from hybrid_ocr.engines.interpreters import python_of
from local_aws.containers import Container
from local_aws.sagemaker.description import Model
from local_cloud.containers import endpoint_container
from local_cloud.models import ENGINE

_CONTENT_ADDRESS: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_UNPACKED: Final = ".unpacked"


class LocalContainers:
    """Makes the container of a model: its module from the image, its weights from S3.

    A URL that holds a content address (the sha256 of the artefact's manifest) gets exactly that artefact, and
    a folder of this machine that has it already is used as it is. Every byte is verified before it is served.

    Args:
        s3: a client that reads the object.
        root: the folder of built artefacts, by default `artifacts_root()`; what is unpacked goes beside them.
    """

    def __init__(self, s3: Any, root: Path | None = None) -> None:  # noqa: ANN401 - a boto3 client
        self._s3, self._root = s3, root or artifacts_root()

    def __call__(self, model: Model) -> Container:
        """The container of a model.

        Raises:
            ArtifactError: the artefact cannot be read, or is not the one that the URL names.
            ConfigurationError: the image is of no endpoint of this project, or its stage has an artefact and
                the model has none.
            EngineError: the environment of the engine is not there.
        """
        stage = stage_of_image(model.image)
        if model.model_data_url is None and STAGES[stage].artifact is not None:
            raise ConfigurationError(f"model {model.name} has no ModelDataUrl: {stage} needs its artefact")
        folder = self.folder(model.model_data_url) if model.model_data_url else None
        return endpoint_container(
            stage,
            folder,
            settings={"cache_dir": self._root / ".cache"},
            environment=model.environment,
            python=python_of(cast("EngineName", model.environment.get(ENGINE, "openvino"))),
        )

    def folder(self, url: str) -> Path:
        """The unpacked, verified artefact of a ModelDataUrl. Raises ArtifactError."""
        match = _CONTENT_ADDRESS.search(url)
        address = match[0] if match else None
        folder = (address and self._built(address)) or self._unpacked(url)
        identity = load_artifact(folder).identity
        if address not in (None, identity.sha256):
            raise ArtifactError(f"{url} holds artefact {identity.name} {identity.sha256}")
        return folder

    def _built(self, address: str) -> Path | None:
        for manifest in self._root.glob(f"*/{MANIFEST}"):
            if hashlib.sha256(manifest.read_bytes()).hexdigest() == address:
                return manifest.parent
        return None

    def _unpacked(self, url: str) -> Path:
        bucket, key = split_uri(url)
        cache = self._root / _UNPACKED
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            archive = Path(scratch, "model.tar.gz")
            self._s3.download_file(bucket, key, str(archive))
            contents = unpack(archive)
            folder = cache / hashlib.sha256(contents.get(MANIFEST, b"")).hexdigest()
            fresh = Path(scratch, "model")
            fresh.mkdir()
            for name, data in contents.items():
                (fresh / name).write_bytes(data)
            load_artifact(fresh)
            if not folder.is_dir():
                fresh.replace(folder)
        return folder


def stage_of_image(image: str) -> EndpointStage:
    """The endpoint whose image this is, by its name in the URI: `.../hybrid-ocr-text-detection:1`.

    Raises:
        ConfigurationError: it names none, or several.
    """
    name = image.replace("hybrid-ocr", "").replace("-", "_")
    named = [stage for stage in ENDPOINTS if stage in name]
    found = [stage for stage in named if not any(stage in other for other in named if other != stage)]
    if len(found) != 1:
        raise ConfigurationError(f"image {image} is of no endpoint: {', '.join(ENDPOINTS)}")
    return found[0]
