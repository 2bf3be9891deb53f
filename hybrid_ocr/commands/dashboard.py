"""`dashboard`: the numbers of the CloudWatch dashboards, in the terminal."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hybrid_ocr.commands.deployment_options import DeploymentOptions, with_deployment_options
from hybrid_ocr.commands.exits import WHOLE, exits
from hybrid_ocr.commands.options import AsJson
from hybrid_ocr.needs import needs

if TYPE_CHECKING:
    from hybrid_ocr.commands.dashboard_readings import Readings
    from infra.board import Board

_EVERY_SECONDS: Final = 5.0
_TWO_WEEKS: Final = 14 * 24 * 60


@needs("dashboard", extra="client")
@exits
@with_deployment_options
def dashboard(
    deployment: DeploymentOptions,
    boards: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BOARD]...",
            help="Such as documents or ocr-async; none means all of them, with --watch the first.",
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option(metavar="N", min=1, max=_TWO_WEEKS, help="How far to look back.")
    ] = 60,
    watch: Annotated[bool, typer.Option("--watch", help="Again every few seconds, until Control-C.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show the numbers of the CloudWatch dashboards, of the local cloud or of a deployment.

    Of each line the last minute, the whole time (a sum of what is counted, else the worst), and its course.
    With --json an object for each line. What it costs is on the dashboard `cost` in CloudWatch alone.

    Exit codes: 0 shown; 2 there is no such board; 3 the deployment is not there or does not answer.
    """
    from hybrid_ocr.commands.dashboard_readings import Dashboards

    connection = deployment.connect()
    dashboards = Dashboards(connection, minutes)
    chosen = dashboards.named(boards or [])[: 1 if watch and not boards else None]
    if as_json:
        _print_json(chosen, dashboards.read(chosen))
        return WHOLE

    from rich.console import Console
    from rich.live import Live

    from hybrid_ocr.commands.dashboard_view import view

    console = Console()
    if not watch:
        console.print(view(chosen, dashboards.read(chosen), connection.where, minutes))
        return WHOLE
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(view(chosen, dashboards.read(chosen), connection.where, minutes), refresh=True)
            time.sleep(_EVERY_SECONDS)


def _print_json(boards: list[Board], readings: Readings) -> None:
    from infra.board import Line

    for board in boards:
        for chart in (chart for row in board.rows for chart in row.charts):
            for line in (line for line in chart.lines if isinstance(line, Line)):
                series = readings.of(line)
                record = {
                    "board": board.name,
                    "chart": chart.title,
                    "unit": chart.unit,
                    "line": line.label,
                    "statistic": series.statistic,
                    "last": series.last,
                    "whole": series.whole,
                    "values": series.values,
                }
                print(json.dumps(record))
