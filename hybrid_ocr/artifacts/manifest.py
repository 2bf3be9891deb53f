"""The manifest of a model artefact: what it is, where it came from, and which bytes it has."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.contracts.messages import Label, StageName

MANIFEST: Final = "manifest.json"
NETWORK: Final = "inference.onnx"
CONFIG: Final = "inference.yml"
LICENCE: Final = "LICENSE"

FileName = Literal["inference.onnx", "inference.yml", "LICENSE"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ArtifactName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
"""Also the name of its folder: no separator, no leading dot, nothing that a file system folds together."""

MAX_BYTES: Final[dict[str, int]] = {
    MANIFEST: 1 << 20,
    NETWORK: 2 << 30,
    CONFIG: 16 << 20,
    LICENCE: 1 << 20,
}
"""All the members an artefact may have, with the most bytes of each: 2 GiB is the limit of protobuf."""


class FileEntry(Message):
    """One file of an artefact."""

    sha256: Sha256
    size: int = Field(ge=1)


class Manifest(Message):
    """Everything about an artefact but its bytes. The sha256 of its own bytes stands for the whole artefact.

    `source` says where the network was taken from, with the sha256 it had there; `changes` what was done to
    it since. `labels` maps what a layout model calls its classes onto the labels of our messages.
    """

    manifest_version: Literal[1] = 1
    name: ArtifactName
    version: str = Field(min_length=1, max_length=64)
    stage: StageName
    description: str
    licence: str = Field(min_length=1)
    licence_source: str
    source: dict[str, str]
    changes: str = "none"
    script: str | None = None
    labels: dict[str, Label] = Field(default_factory=dict)
    files: dict[FileName, FileEntry]

    def to_bytes(self) -> bytes:
        """The one form in which a manifest is written: sorted keys, UTF-8, a newline at the end."""
        text = json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
        return text.encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Manifest:
        """Read a manifest.

        Raises:
            ArtifactError: it does not follow the schema, or leaves out the network or its configuration.
        """
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, detail["loc"])) or "the document"
            raise ArtifactError(f"{where}: {place}: {detail['msg']}") from None
        for name in (NETWORK, CONFIG):
            if name not in manifest.files:
                raise ArtifactError(f"{where}: the manifest lists no {name}")
        return manifest
