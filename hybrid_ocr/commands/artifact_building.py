"""`hybrid-ocr artifacts build | verify | list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.artifacts.building.build import build
from hybrid_ocr.artifacts.building.catalogue import load_catalogue
from hybrid_ocr.artifacts.building.verify import verify
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, OcrError
from hybrid_ocr.needs import needs

app = typer.Typer(help="Build, verify, list and publish the model artefacts.", no_args_is_help=True)
_out, _err = Console(), Console(stderr=True)

Root = Annotated[Path | None, typer.Option(help="Folder of the artefacts.", envvar="HYBRID_OCR_ARTIFACTS")]
CatalogueFile = Annotated[Path | None, typer.Option(help="A catalogue of your own.")]


@app.command("build")
@needs("artifacts build", extra="artifacts")
def build_command(
    names: Annotated[list[str] | None, typer.Argument(help="Artefacts; none means all of them.")] = None,
    script: Annotated[str | None, typer.Option(help="Cut the recognisers named to a script.")] = None,
    root: Root = None,
    catalogue: CatalogueFile = None,
    force: Annotated[bool, typer.Option("--force", help="Build what is already there again.")] = False,
) -> None:
    """Fetch networks, check them, and put artefacts in place. What is there and right is left alone."""
    if script and not names:
        _fail(ConfigurationError("--script needs the name of a recogniser"))
    try:
        for built in build(names or (), root, script, catalogue=load_catalogue(catalogue), force=force):
            state = "built" if built.fresh else "in place"
            _out.print(
                f"{built.identity.name} {built.identity.sha256[:12]} {state}: {built.folder}", soft_wrap=True
            )
    except OcrError as error:
        _fail(error)


@app.command("verify")
def verify_command(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Folders or tar.gz files; none means all.")
    ] = None,
    root: Root = None,
) -> None:
    """Check every byte against the manifest. Ends with 1 if any artefact is wrong."""
    wrong = 0
    for path in paths or _all_built(root or artifacts_root()):
        try:
            identity = verify(path)
            _out.print(f"[green]ok[/] {identity.name} {identity.sha256} {path}", soft_wrap=True)
        except OcrError as error:
            wrong += 1
            _err.print(f"[red]{error.code}[/] {error.message}", soft_wrap=True, highlight=False)
    raise typer.Exit(1 if wrong else 0)


@app.command("list")
def list_command(root: Root = None, catalogue: CatalogueFile = None) -> None:
    """What the catalogue has, and what of it is built."""
    table = Table("name", "version", "stage", "size", "sha256", "licence", "built", box=box.SIMPLE, padding=0)
    table.columns[0].no_wrap = True
    try:
        for recipe in load_catalogue(catalogue):
            entry = recipe.entry
            size, sha256, state = _state((root or artifacts_root()) / recipe.name)
            table.add_row(recipe.name, entry.version, entry.stage, size, sha256, entry.licence, state)
    except OcrError as error:
        _fail(error)
    _out.print(table)


def _state(folder: Path) -> tuple[str, str, str]:
    try:
        artifact = load_artifact(folder)
    except ArtifactError as error:
        return "", "", "no" if not folder.exists() else f"[red]{error.code}[/]"
    size = sum(entry.size for entry in artifact.manifest.files.values())
    return f"{size / 1e6:.1f} MB", artifact.identity.sha256[:12], "yes"


def _all_built(root: Path) -> list[Path]:
    found = (
        [path for path in sorted(root.glob("*")) if not path.name.startswith(".")] if root.is_dir() else []
    )
    if not found:
        _fail(ConfigurationError(f"nothing is built in {root}; run `hybrid-ocr artifacts build`"))
    return found


def _fail(error: OcrError) -> NoReturn:
    _err.print(f"[red]{error.code}[/] {error.message}", soft_wrap=True, highlight=False)
    raise typer.Exit(2 if isinstance(error, ConfigurationError) else 1)
