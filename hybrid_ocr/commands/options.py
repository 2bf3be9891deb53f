"""The options that the commands share."""

from __future__ import annotations

from typing import Annotated, Final

import typer

_WHERE = "Where"

Stage = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="HYBRID_OCR_STAGE",
        help="The deployment: `local` where the endpoint URL is this machine, else `prod`.",
        show_default=False,
        rich_help_panel=_WHERE,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of ~/.aws/config; else AWS_PROFILE.", rich_help_panel=_WHERE),
]
Region = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Else AWS_REGION or that of the profile.", rich_help_panel=_WHERE),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Of a local cloud, for example; else AWS_ENDPOINT_URL.", rich_help_panel=_WHERE
    ),
]
JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="The id of a job, or 6 or more of its first characters.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is read, then print what it says.")]
LONGEST_WAIT: Final = 3600
Timeout = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="The longest time that --wait waits.")]
