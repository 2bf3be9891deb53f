"""Options that the `scale` commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "ColdStart",
    "Hosts",
    "PoliciesFile",
    "PricesFile",
    "Resolution",
    "Seed",
    "TimeZone",
    "TimesFile",
    "TraceOption",
    "Wake",
]

_TABLES = "Tables"


class Wake(StrEnum):
    """How sleeping endpoints are woken."""

    TOGETHER = "together"
    EACH = "each"
    BOTH = "both"


class Resolution(StrEnum):
    """What is simulated."""

    AUTO = "auto"
    EVENTS = "events"
    FLOW = "flow"


TraceOption = Annotated[
    str,
    typer.Option(
        "--trace",
        metavar="FILE|NAME",
        help="What arrives: FILE.csv, FILE.toml[:NAME], office-hours, nightly-batch or viral-burst.",
    ),
]
PoliciesFile = Annotated[
    Path | None, typer.Option("--policies", metavar="FILE", help="In place of autoscaling/policies.toml.")
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="STAGE=TYPE[:MODE]",
        help="What an endpoint runs on: ocr=ml.g6.xlarge or ocr=ml.g6.xlarge:realtime. Can be repeated.",
    ),
]
PricesFile = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="In place of ours.", rich_help_panel=_TABLES),
]
TimesFile = Annotated[
    Path | None,
    typer.Option("--service-times", metavar="FILE", help="In place of ours.", rich_help_panel=_TABLES),
]
ColdStart = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="From asking for an instance to its first work, 330s unless told.",
        rich_help_panel=_TABLES,
    ),
]
TimeZone = Annotated[str, typer.Option("--timezone", metavar="NAME", help="In which days repeat.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed, the same answer.")]
