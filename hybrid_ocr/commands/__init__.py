"""The commands that speak to the local cloud or AWS."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import getdoc

import typer

from hybrid_ocr.commands import artifacts
from hybrid_ocr.commands.cost import cost
from hybrid_ocr.commands.dashboard import dashboard
from hybrid_ocr.commands.jobs import jobs, redrive, result, status
from hybrid_ocr.commands.load import load
from hybrid_ocr.commands.preflight import preflight
from hybrid_ocr.commands.smoke import smoke
from hybrid_ocr.commands.submit import submit


def register(app: typer.Typer, artifact_commands: typer.Typer) -> None:
    """Add the commands to a command line, and those of artefacts to theirs."""
    _add(app, submit, status, result, jobs, redrive, dashboard, smoke, load, cost, preflight)
    _add(artifact_commands, artifacts.publish, artifacts.register)


def _add(app: typer.Typer, *commands: Callable[..., None]) -> None:
    for command in commands:
        paragraphs = re.sub(r"(?<!\n)\n(?!\n)", " ", getdoc(command) or "")
        app.command(help=paragraphs)(command)
