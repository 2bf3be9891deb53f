"""The options that the commands share."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

import typer

from hybrid_ocr.contracts.errors import RequestError

JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="The id of a job, or 6 or more of its first characters.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is read, then print what it says.")]
LONGEST_WAIT: Final = 3600
Timeout = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="The longest time that --wait waits.")]
Quiet = Annotated[
    bool,
    typer.Option("-q", "--quiet", help="Say nothing beside the result but errors."),
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="On standard error all that is known.")]


class Detail(IntEnum):
    """How much a command says on standard error beside its errors."""

    QUIET = 0
    USUAL = 1
    VERBOSE = 2

    @classmethod
    def of(cls, *, quiet: bool, verbose: bool) -> Detail:
        """What --quiet and --verbose ask for. Raises RequestError for both."""
        if quiet and verbose:
            raise RequestError("--quiet and --verbose: choose one")
        return cls.QUIET if quiet else cls.VERBOSE if verbose else cls.USUAL
