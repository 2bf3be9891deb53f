"""The options that the commands share."""

from __future__ import annotations

from typing import Annotated, Final

import typer

JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="The id of a job, or 6 or more of its first characters.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is read, then print what it says.")]
LONGEST_WAIT: Final = 3600
Timeout = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="The longest time that --wait waits.")]
