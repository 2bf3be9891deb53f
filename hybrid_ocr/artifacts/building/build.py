"""Build artefacts: fetch, perhaps cut, describe, pack. The same inputs give the same bytes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_ocr.artifacts.building.archive import pack
from hybrid_ocr.artifacts.building.catalogue import (
    Catalogue,
    Entry,
    Recipe,
    UrlSource,
    WheelSource,
    load_catalogue,
)
from hybrid_ocr.artifacts.building.scripts import script as script_named
from hybrid_ocr.artifacts.building.sources import FetchUrl, FetchWheel, obtain
from hybrid_ocr.artifacts.building.subset import cut_network, kept_classes, set_metadata, split_characters
from hybrid_ocr.artifacts.folder import (
    artifacts_root,
    check_contents,
    load_artifact,
    parse_config,
    refuse_pickle,
)
from hybrid_ocr.artifacts.manifest import CONFIG, LICENCE, MANIFEST, NETWORK, FileEntry, FileName, Manifest
from hybrid_ocr.artifacts.onnx_wire import metadata, refuse_external_data
from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.contracts.messages import ModelIdentity

_CACHE = ".sources"


@dataclass(frozen=True)
class Built:
    """An artefact that is in place.

    Attributes:
        folder: the unpacked artefact.
        archive: the same as tar.gz, for an endpoint in the cloud.
        fresh: False where it was there already.
    """

    identity: ModelIdentity
    folder: Path
    archive: Path
    fresh: bool


def build(
    names: Iterable[str] = (),
    root: Path | None = None,
    script: str | None = None,
    *,
    catalogue: Catalogue | None = None,
    force: bool = False,
    fetch_wheel: FetchWheel | None = None,
    fetch_url: FetchUrl | None = None,
) -> Iterator[Built]:
    """Put artefacts in place, one after another; what is there already and right is left alone.

    Args:
        names: artefacts of the catalogue; none means the default set.
        root: the folder for them, by default `artifacts_root()`.
        script: cut the recognisers named to this script.
        catalogue: by default the one of this project.
        force: build even what is already right.
        fetch_wheel: how to get a wheel, by default `pip download`.
        fetch_url: how to get a url, by default over https.

    Raises:
        ConfigurationError: a name or script that there is not.
        ArtifactError: a source could not be fetched, or something is not what its sha256 says.
    """
    catalogue = catalogue or load_catalogue()
    root = root or artifacts_root()
    recipes = [catalogue.recipe(name, script) for name in names] or list(catalogue)
    root.mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        with _only_builder(root):
            locked = catalogue.lock.get(recipe.name)
            in_place = None if force else _in_place(root, recipe.name, locked)
            if in_place is None:
                original = obtain(
                    recipe.entry,
                    root / _CACHE,
                    catalogue.folder,
                    fetch_wheel=fetch_wheel,
                    fetch_url=fetch_url,
                )
                contents = assemble(recipe, original.network, original.config, original.licence)
                in_place = _put(root, recipe.name, contents, locked)
        yield in_place


def assemble(recipe: Recipe, network: bytes, config: bytes | None, licence: bytes | None) -> dict[str, bytes]:
    """The files of an artefact, by name.

    Raises:
        ArtifactError: the network is not what the recipe needs.
    """
    entry = recipe.entry
    refuse_pickle(network, f"the network of {entry.name}")
    refuse_external_data(network, f"the network of {entry.name}")
    settings = parse_config(config, f"config of {entry.name}") if config else dict(entry.inference or {})
    changes = "none"
    if entry.characters_from or recipe.script:
        characters = _characters(entry, network, settings)
        if recipe.script:
            classes = kept_classes(characters, script_named(recipe.script))
            kept = f"{len(classes)} of {len(characters) + 2}"
            changes = f"last layer cut to script {recipe.script}: {kept} classes"
            characters = [characters[i - 1] for i in classes[1:-1]]
            network = set_metadata(
                cut_network(network, classes),
                {
                    entry.characters_from or "character": "\n".join(characters),
                    "changes": f"hybrid-ocr: {changes}",
                },
            )
        settings["PostProcess"] = {**settings.get("PostProcess", {}), "character_dict": characters}
    # JSON is YAML: PaddleOCR reads it, and so does json.loads, in milliseconds.
    contents = {NETWORK: network, CONFIG: json.dumps(settings, indent=1, ensure_ascii=False).encode() + b"\n"}
    if licence is not None:
        contents[LICENCE] = licence
    manifest = _describe(recipe, contents, settings, changes)
    check_contents(manifest, contents, recipe.name)
    return {MANIFEST: manifest.to_bytes(), **contents}


def _characters(entry: Entry, network: bytes, settings: dict[str, Any]) -> list[str]:
    """The symbols of a recogniser: from inference.yml if it lists them, else from the network's metadata."""
    decoding = settings.get("PostProcess", {})
    if not isinstance(decoding, dict):
        raise ArtifactError(f"{entry.name}: PostProcess in inference.yml is not a mapping")
    if listed := decoding.get("character_dict"):
        return [str(symbol) for symbol in listed]
    key = entry.characters_from
    text = metadata(network).get(key, "") if key else ""
    if not text:
        raise ArtifactError(f"{entry.name}: no symbols in inference.yml nor in the metadata of the network")
    return split_characters(text)


def _describe(recipe: Recipe, contents: dict[str, bytes], settings: dict[str, Any], changes: str) -> Manifest:
    entry = recipe.entry
    labels = settings.get("label_list", [])
    if entry.labels and list(entry.labels) != labels:
        raise ArtifactError(f"{entry.name}: `labels` must name the classes of the network in order: {labels}")
    files: dict[FileName, FileEntry] = {}
    for name in (NETWORK, CONFIG, LICENCE):
        if name in contents:
            data = contents[name]
            files[name] = FileEntry(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return Manifest(
        name=recipe.name,
        version=entry.version,
        stage=entry.stage,
        description=entry.description,
        licence=entry.licence,
        licence_source=entry.licence_source,
        source=_provenance(entry),
        changes=changes,
        script=recipe.script,
        labels=entry.labels,
        files=files,
    )


def _provenance(entry: Entry) -> dict[str, str]:
    source = entry.source
    provenance = {"kind": source.kind, "sha256": source.sha256, "parameters_from": entry.parameters_from}
    if isinstance(source, WheelSource):
        wheel = f"{source.package}=={source.version}"
        return {**provenance, "wheel": wheel, "wheel_sha256": source.wheel_sha256, "file": source.file}
    if isinstance(source, UrlSource):
        return {**provenance, "url": source.url}
    return {**provenance, "file": source.path.name}  # a folder of the builder's machine is nobody's business


def _in_place(root: Path, name: str, locked: str | None) -> Built | None:
    """What is built already, if the lock pins it and every byte is right; without a pin, build it again."""
    folder, archive = root / name, root / f"{name}.tar.gz"
    try:
        identity = load_artifact(folder).identity
        same = archive.read_bytes() == pack({path.name: path.read_bytes() for path in folder.iterdir()})
    except (ArtifactError, OSError):
        return None
    return Built(identity, folder, archive, fresh=False) if same and identity.sha256 == locked else None


def _put(root: Path, name: str, contents: dict[str, bytes], locked: str | None) -> Built:
    sha256 = hashlib.sha256(contents[MANIFEST]).hexdigest()
    if locked is not None and sha256 != locked:
        raise ArtifactError(
            f"{name}: the manifest that was built has sha256 {sha256}, the lock says {locked}"
        )
    folder, archive = root / name, root / f"{name}.tar.gz"
    with tempfile.TemporaryDirectory(prefix=".build-", dir=root) as scratch:
        staged = Path(scratch, name)
        staged.mkdir()
        for file, data in contents.items():
            (staged / file).write_bytes(data)
        packed = Path(scratch, archive.name)
        packed.write_bytes(pack(contents))
        identity = load_artifact(staged).identity
        if folder.exists():
            folder.rename(Path(scratch, "replaced"))
        staged.rename(folder)
        packed.replace(archive)
    return Built(identity, folder, archive, fresh=True)


@contextmanager
def _only_builder(root: Path) -> Iterator[None]:
    """Two builds in one folder take turns."""
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
