"""The commands for documents as jobs, against the local cloud or AWS."""

from __future__ import annotations

import re
from inspect import getdoc

import typer

from hybrid_ocr.commands.jobs import jobs, redrive, result, status
from hybrid_ocr.commands.submit import submit


def register(app: typer.Typer) -> None:
    """Add the commands to a command line."""
    for command in (submit, status, result, jobs, redrive):
        paragraphs = re.sub(r"(?<!\n)\n(?!\n)", " ", getdoc(command) or "")
        app.command(help=paragraphs)(command)
