"""Options of the commands that speak of a stage by its file, whether it is deployed or not."""

from __future__ import annotations

from typing import Annotated

import typer

StageName = Annotated[
    str,
    typer.Option("--stage", metavar="STAGE", help="A file of infra/stages/, without its ending."),
]
