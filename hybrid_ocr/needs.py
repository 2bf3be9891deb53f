"""What a command needs beside the base package, and one line of advice where that is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

__all__ = ["CHECKOUT_FOLDERS", "MISSING", "needs"]

MISSING: Final = 3
"""The exit code: the same as of all else that keeps a command from its work."""

CHECKOUT_FOLDERS: Final = frozenset(
    {
        "autoscaling",
        "endpoints",
        "evaluation",
        "infra",
        "lambdas",
        "local_cloud",
        "model_artifacts",
        "samples",
        "stepfunctions",
        "topology",
    }
)
"""Top-level folders of the repository that no wheel holds."""


@contextmanager
def needs(command: str, *, extra: str) -> Iterator[None]:
    """End with exit code 3 and one line of advice where an import fails; a decorator or a `with` block.

    Args:
        command: as people type it, such as `submit --truth`.
        extra: the extra of the distribution `hybrid-ocr` that holds what it imports.

    Raises:
        typer.Exit: something is missing, and standard error says what and how to get it.
        ImportError: what cannot be imported is our own, or is there but broken.
    """
    try:
        yield
    except ImportError as error:
        advice = _advice(command, extra, error)
        if advice is None:
            raise
        typer.echo(f"{typer.style('hybrid-ocr:', 'red', bold=True)} {advice}", err=True)
        raise typer.Exit(MISSING) from None


def _advice(command: str, extra: str, error: ImportError) -> str | None:
    package = (error.name or "").partition(".")[0]
    # Also where another project's package of that name was found in its place.
    if package in CHECKOUT_FOLDERS:
        return (
            f"{command} needs the folder {package}/ of the repository and runs from a checkout of it: "
            f"git clone …, there `make setup`, then .venv/bin/hybrid-ocr"
        )
    if not isinstance(error, ModuleNotFoundError) or package in {"", "hybrid_ocr"}:
        return None
    return f"{command} needs the package {package}: pip install 'hybrid-ocr[{extra}]'"
