"""`cost`: what a stage costs while nothing happens."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hybrid_ocr.commands.exits import WHOLE, exits
from hybrid_ocr.commands.options import AsJson
from hybrid_ocr.commands.stage_options import StageName
from hybrid_ocr.needs import needs


@needs("cost", extra="infra")
@exits
def cost(
    stage: StageName,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own prices, in the shape of autoscaling/prices.toml."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Tell what a month of a stage costs without a single document, resource by resource.

    It synthesises the stage's templates and asks no account. Free tiers and discounts are left out; traffic
    costs more, see `hybrid-ocr scale`. With --json an object for each line.

    Exit codes: 0 told; 3 the stage cannot be synthesised, or a price is missing.
    """
    from infra.deploy_doc import costs_of

    costs = costs_of(stage, prices)
    if as_json:
        for line in costs:
            print(json.dumps({**asdict(line), "dated": line.dated.isoformat(), "dollars": line.dollars}))
        return WHOLE

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("what", "$ a month", "units", "$ for each", "", "dated", "source"):
        table.add_column(name, justify="right" if name in {"$ a month", "units", "$ for each"} else "left")
    for line in costs:
        table.add_row(
            line.what,
            f"{line.dollars:.2f}",
            f"{line.units:.6g}",
            f"{line.price:g}",
            line.per,
            line.dated.isoformat(),
            line.source,
        )
    table.add_row("together", f"{sum(line.dollars for line in costs):.2f}", style="bold")
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(table)
    return WHOLE
