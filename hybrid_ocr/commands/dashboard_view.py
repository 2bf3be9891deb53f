"""Dashboards as text: a table for each chart, side by side as CloudWatch has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hybrid_ocr.commands.dashboard_readings import Readings, Series
from hybrid_ocr.commands.display import plain
from infra.board import Board, Chart, Line

__all__ = ["view"]

_BARS: Final = "▁▂▃▄▅▆▇█"
_SPARKLINE_WIDTH: Final = 15
"""Characters of a course; each stands for so many periods as it takes."""
_SECONDS: Final = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}
_WRONG: Final = frozenset({"failed", "expired", "download failed", "upload failed", "notice failed"})


def view(boards: Sequence[Board], readings: Readings, where: str, minutes: int) -> RenderableType:
    """Boards one below the other.

    Args:
        boards: what to show.
        readings: their numbers.
        where: the deployment in words.
        minutes: how far the numbers look back.
    """
    head = Text.assemble((where, "bold"), (f"   {minutes} minutes to {datetime.now():%H:%M:%S}", "dim"))
    return Group(head, *(part for board in boards for part in _board(board, readings)))


def _board(board: Board, readings: Readings) -> list[RenderableType]:
    charts = [chart for row in board.rows for chart in row.charts if chart.view == "timeSeries"]
    tables = [_chart(chart, readings) for chart in charts]
    return [Rule(Text(board.name, "bold"), align="left", style="dim"), Columns(tables, padding=(0, 3))]


def _chart(chart: Chart, readings: Readings) -> Table:
    seconds = _SECONDS.get(chart.unit)
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(Text.assemble((chart.title, "bold"), ("" if seconds else f"  {chart.unit}", "dim")))
    table.add_column("last", justify="right", min_width=7)
    table.add_column("in all", justify="right", min_width=7)
    table.add_column("course", min_width=_SPARKLINE_WIDTH)
    for line in (line for line in chart.lines if isinstance(line, Line)):
        series = readings.of(line)
        style = "red" if line.label in _WRONG and series.whole else ""
        numbers = [_duration(v, seconds) if seconds else _number(v) for v in (series.last, series.whole)]
        table.add_row(Text(plain(line.label), style), *numbers, Text(_sparkline(series), "cyan"))
    table.add_row("")
    return table


def _duration(value: float | None, unit_seconds: float) -> str:
    """A time of three digits in the unit that suits it."""
    if not value:
        return _number(value)
    seconds = value * unit_seconds
    for unit, least in (("h", 3_600.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= least:
            return f"{float(f'{seconds / least:.3g}'):,g} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def _number(value: float | None) -> str:
    """At most four digits and a letter; a dash where nothing was reported."""
    if value is None:
        return "-"
    for bound, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= bound:
            return f"{value / {'G': 1e9, 'M': 1e6, 'k': 1e3}[letter]:.1f} {letter}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"


def _sparkline(series: Series) -> str:
    """A character for every few periods, as high as the greatest value among them; a space without any."""
    step = -(-len(series.values) // _SPARKLINE_WIDTH)
    groups = [series.values[first : first + step] for first in range(0, len(series.values), step)]
    peaks = [max((value for value in group if value is not None), default=None) for group in groups]
    top = max((peak for peak in peaks if peak is not None), default=0.0)
    return "".join(" " if peak is None else _bar(peak, top) for peak in peaks)


def _bar(value: float, top: float) -> str:
    return _BARS[round((len(_BARS) - 1) * value / top)] if top > 0 and value > 0 else _BARS[0]
