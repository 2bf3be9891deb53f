"""The catalogue: which artefacts there are, where their bytes come from, and what is done to them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hybrid_ocr.artifacts.building.scripts import load_scripts
from hybrid_ocr.artifacts.building.scripts import script as script_named
from hybrid_ocr.artifacts.manifest import ArtifactName, Sha256
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.messages import Label, StageName
from hybrid_ocr.contracts.stages import STAGES


class WheelSource(Message):
    """A file inside a wheel of the package index."""

    kind: Literal["wheel"]
    package: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(pattern=r"^[0-9][0-9A-Za-z.+!]*$")
    wheel_sha256: Sha256
    file: str
    sha256: Sha256
    licence_file: str | None = None


class Download(Message):
    """One file at an https address."""

    url: str = Field(pattern=r"^https://[^\s]+$")
    sha256: Sha256


class UrlSource(Download):
    """A network at an https address, and its inference.yml if the catalogue does not give one."""

    kind: Literal["url"]
    config: Download | None = None


class LocalFile(Message):
    """One file of this machine; a relative path starts at the folder of the catalogue."""

    path: Path
    sha256: Sha256


class FileSource(LocalFile):
    """A network of this machine, and its inference.yml if the catalogue does not give one."""

    kind: Literal["file"]
    config: LocalFile | None = None


Source = Annotated[WheelSource | UrlSource | FileSource, Field(discriminator="kind")]


class Entry(Message):
    """One artefact of the catalogue, whole; `catalogue.toml` says what each field means."""

    name: ArtifactName
    version: str
    stage: StageName
    description: str
    licence: str
    licence_source: str
    parameters_from: str = ""
    source: Source
    inference: dict[str, Any] | None = None
    characters_from: str | None = None
    scripts: tuple[str, ...] = ()
    labels: dict[str, Label] = Field(default_factory=dict)

    @property
    def by_script(self) -> bool:
        """Whether it can be cut to a script: it is of a stage that has an artefact for each."""
        return self.stage in STAGES and STAGES[self.stage].by_script

    @model_validator(mode="after")
    def _one_configuration(self) -> Self:
        carried = not isinstance(self.source, WheelSource) and self.source.config is not None
        if carried == (self.inference is not None):
            raise ValueError(f"{self.name}: give either `inference` or a source with a `config`")
        return self


@dataclass(frozen=True)
class Recipe:
    """An artefact to build: an entry of the catalogue, whole or cut to a script."""

    entry: Entry
    script: str | None = None

    @property
    def name(self) -> str:
        """Name of the artefact and of its folder."""
        return f"{self.entry.name}-{self.script}" if self.script else self.entry.name


@dataclass(frozen=True)
class Catalogue:
    """Every artefact that can be built.

    Attributes:
        entries: by name.
        lock: name -> sha256 of the manifest it must have; what is not in it is not pinned.
        folder: where relative paths of file sources start.
    """

    entries: dict[str, Entry]
    lock: dict[str, str]
    folder: Path

    def __iter__(self) -> Iterator[Recipe]:
        """The default set: every entry, and the subsets that it names."""
        for entry in self.entries.values():
            yield Recipe(entry)
            yield from (Recipe(entry, name) for name in entry.scripts)

    def recipe(self, name: str, script: str | None = None) -> Recipe:
        """The recipe of that name; `NAME` with a script and `NAME-SCRIPT` without are the same.

        Raises:
            ConfigurationError: the catalogue has no such entry, there is no such script, or the entry is no
                recogniser and so has nothing to cut.
        """
        if script is not None:
            name = f"{name}-{script_named(script).name}"
        for entry in self.entries.values():
            if entry.name == name:
                return Recipe(entry)
            for recipe in (Recipe(entry, known) for known in load_scripts() if entry.by_script):
                if recipe.name == name:
                    return recipe
        raise ConfigurationError(f"no artefact {name!r}; there are {', '.join(r.name for r in self)}")


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue, by default the one of this project, with the lock beside it if there is one.

    Raises:
        ConfigurationError: not readable, not TOML, or not a catalogue; the message names the place.
    """
    path = path or Path(str(files("hybrid_ocr.artifacts.building").joinpath("catalogue.toml")))
    lock_path = path.with_name("lock.toml")
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("artifact", [])
        lock = tomllib.loads(lock_path.read_text("utf-8")) if lock_path.is_file() else {}
        entries = [Entry.model_validate(table) for table in tables]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read the catalogue {path}: {error}") from None
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(map(str, detail["loc"]))
        raise ConfigurationError(f"catalogue {path}: {place}: {detail['msg']}") from None
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"catalogue {path}: a name is used twice")
    return Catalogue({entry.name: entry for entry in entries}, lock, path.parent)
