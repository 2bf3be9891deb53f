"""`hybrid-ocr --version`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Final

import typer

__all__ = ["VersionOption"]

_DISTRIBUTION: Final = "hybrid-ocr"


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        print(_DISTRIBUTION, version(_DISTRIBUTION))
    except PackageNotFoundError:  # its folder lies on PYTHONPATH, as in an image
        print(_DISTRIBUTION, "of a folder that was never installed")
    raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
]
