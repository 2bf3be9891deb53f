"""An unpacked model artefact: find it, check every byte of it, hand it out."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_ocr.artifacts.manifest import CONFIG, MANIFEST, MAX_BYTES, NETWORK, Manifest
from hybrid_ocr.artifacts.onnx_wire import refuse_external_data
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode
from hybrid_ocr.contracts.messages import ModelIdentity, StageName

_CHECKOUT = Path(__file__).resolve().parents[2]
_PICKLE_SUFFIXES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy", ".npz"})


@dataclass(frozen=True)
class Artifact:
    """A verified artefact.

    Attributes:
        identity: name, version and content address (the sha256 of manifest.json, which pins every file).
        manifest: where it came from and how its labels map onto ours.
        onnx: path of the network.
        config: inference.yml as a dictionary, in PaddleOCR's format.
    """

    identity: ModelIdentity
    manifest: Manifest
    onnx: Path
    config: dict[str, Any]


def artifacts_root() -> Path:
    """The folder that holds built artefacts, one folder and one NAME.tar.gz each.

    HYBRID_OCR_ARTIFACTS if set; else build/artifacts of the checkout this runs from; else one of the user.
    """
    if chosen := os.environ.get("HYBRID_OCR_ARTIFACTS"):
        return Path(chosen)
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / "build" / "artifacts"
    return Path.home() / ".cache" / "hybrid-ocr" / "artifacts"


def load_artifact(model_dir: Path, *, stage: StageName | None = None) -> Artifact:
    """Verify a folder and describe it. Nothing in it is used before all of it was checked.

    Args:
        model_dir: the folder.
        stage: the stage it must be a model of; None takes any.

    Raises:
        ArtifactError: ARTIFACT_NOT_FOUND where the folder or its manifest is missing; ARTIFACT_INVALID
            where a file is missing, unlisted, not regular, a pickle, or not the one the manifest lists, or
            the model is one of another stage.
    """
    if not (model_dir / MANIFEST).exists():
        raise ArtifactError(
            f"no model artefact at {model_dir}; run `hybrid-ocr artifacts build`",
            code=ErrorCode.ARTIFACT_NOT_FOUND,
        )
    found = sorted(entry.name for entry in model_dir.iterdir())
    for name in found:
        check_member_name(name, str(model_dir))
    raw = _read_regular(model_dir / MANIFEST)
    manifest = Manifest.from_bytes(raw, str(model_dir / MANIFEST))
    if stage is not None and manifest.stage != stage:
        raise ArtifactError(f"{manifest.name} is a model of stage {manifest.stage}, not of {stage}")
    contents = {name: _read_regular(model_dir / name) for name in found if name != MANIFEST}
    check_contents(manifest, contents, str(model_dir))
    return Artifact(
        identity=identity_of(manifest, raw),
        manifest=manifest,
        onnx=model_dir / NETWORK,
        config=parse_config(contents[CONFIG], str(model_dir / CONFIG)),
    )


def identity_of(manifest: Manifest, raw: bytes) -> ModelIdentity:
    """Name, version and content address of an artefact, from the bytes of its manifest."""
    sha256 = hashlib.sha256(raw).hexdigest()
    return ModelIdentity(name=manifest.name, version=manifest.version, sha256=sha256)


def check_member_name(name: str, where: str) -> None:
    """Refuse a file that no artefact has, by name: pickles above all.

    Raises:
        ArtifactError: naming the file.
    """
    if Path(name).suffix.lower() in _PICKLE_SUFFIXES:
        raise ArtifactError(f"{where}: {name!r} is a kind of file that can run code when loaded (pickle)")
    if name not in MAX_BYTES:
        raise ArtifactError(f"{where}: {name!r} is not part of an artefact ({', '.join(MAX_BYTES)})")


def check_contents(manifest: Manifest, contents: dict[str, bytes], where: str) -> None:
    """Hold the bytes of every file but the manifest to what the manifest says.

    Raises:
        ArtifactError: naming the first file that is missing, unlisted, a pickle or not the one listed.
    """
    for name in contents.keys() - manifest.files.keys():
        raise ArtifactError(f"{where}: {name!r} is not listed in the manifest")
    for name, entry in manifest.files.items():
        data = contents.get(name)
        if data is None:
            raise ArtifactError(f"{where}: {name!r} is listed in the manifest but missing")
        if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise ArtifactError(
                f"{where}: {name!r} has not the sha256 that the manifest lists ({entry.sha256})"
            )
        refuse_pickle(data, f"{where}: {name!r}")
    refuse_external_data(contents[NETWORK], f"{where}: {NETWORK!r}")


def refuse_pickle(data: bytes, where: str) -> None:
    """Refuse a pickle or a zip of pickles (what torch writes) by its first bytes, whatever its name.

    Raises:
        ArtifactError: the bytes are one of them. An ONNX model starts with its ir_version, 0x08.
    """
    is_pickle = len(data) > 1 and data[0] == 0x80 and data[1] <= 5
    if is_pickle or data[:4] == b"PK\x03\x04" or data[:6] == b"\x93NUMPY":
        raise ArtifactError(f"{where} is a pickle or an archive under another name")


def parse_config(data: bytes, where: str) -> dict[str, Any]:
    """An inference.yml as a dictionary.

    Ours are written as JSON, which is YAML too: the 18,708 symbols of a recogniser then load in milliseconds,
    and a Lambda needs no YAML package. Any other YAML is read by PyYAML's safe loader.

    Raises:
        ArtifactError: neither JSON nor YAML, or no mapping.
    """
    try:
        config = json.loads(data)
    except ValueError:
        config = _parse_yaml(data, where)
    if not isinstance(config, dict):
        raise ArtifactError(f"{where} is not a mapping")
    return config


def _parse_yaml(data: bytes, where: str) -> object:
    try:
        import yaml
    except ImportError:
        raise ArtifactError(f"{where} is not JSON, and PyYAML is not installed to read YAML") from None
    try:
        return yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise ArtifactError(f"{where} is not YAML: {type(error).__name__}") from None


def _read_regular(path: Path) -> bytes:
    """All bytes of a regular file; a symlink, device or oversized file is refused before it is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        kind = "a symlink" if path.is_symlink() else "not readable"
        raise ArtifactError(f"{path.parent}: {path.name!r} is {kind}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError(f"{path.parent}: {path.name!r} is not a regular file")
        if status.st_size > MAX_BYTES[path.name]:
            raise ArtifactError(f"{path.parent}: {path.name!r} has more than {MAX_BYTES[path.name]:,} bytes")
        return file.read()
