"""Dashboards as data, and how their charts are laid out on CloudWatch's grid of 24 columns.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from infra.metrics import Metric

__all__ = ["Board", "Chart", "Expression", "Line", "Row", "body"]

_COLUMNS: Final = 24
_HEADER_HEIGHT: Final = 2
_HEIGHTS: Final = {"singleValue": 4, "timeSeries": 6}


@dataclass(frozen=True)
class Line:
    """A metric in a chart. By its `id` an expression refers to it; it need not be shown for that."""

    metric: Metric
    label: str
    id: str | None = None
    shown: bool = True


@dataclass(frozen=True)
class Expression:
    """What is worked out from lines of the same chart, by their ids."""

    expression: str
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart; `unit` is what its vertical axis says."""

    title: str
    unit: str
    lines: tuple[Line | Expression, ...]
    view: Literal["timeSeries", "singleValue"] = "timeSeries"
    period_seconds: int = 60


@dataclass(frozen=True)
class Row:
    """Charts side by side, equally wide, under a sentence that says what they show."""

    text: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    name: str
    rows: tuple[Row, ...]


def body(board: Board, region: str) -> dict[str, Any]:
    """The body of a dashboard as PutDashboard takes it."""
    widgets: list[dict[str, Any]] = []
    y = 0
    for row in board.rows:
        widgets.append(_header(row.text, y))
        y += _HEADER_HEIGHT
        width = _COLUMNS // len(row.charts)
        height = max(_HEIGHTS[chart.view] for chart in row.charts)
        for column, chart in enumerate(row.charts):
            place = {"x": column * width, "y": y, "width": width, "height": height}
            widgets.append({"type": "metric", **place, "properties": _properties(chart, region)})
        y += height
    # A count of reports means instances only in the period that the chart was made for.
    return {"periodOverride": "inherit", "widgets": widgets}


def _header(text: str, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "width": _COLUMNS, "height": _HEADER_HEIGHT}
    return {"type": "text", **place, "properties": {"markdown": text}}


def _properties(chart: Chart, region: str) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": chart.title,
        "region": region,
        "view": chart.view,
        "period": chart.period_seconds,
        "metrics": [_metric(line) for line in chart.lines],
    }
    if chart.view == "timeSeries":
        properties["yAxis"] = {"left": {"label": chart.unit, "min": 0, "showUnits": False}}
    else:
        properties["title"] = f"{chart.title} [{chart.unit}]"
        properties["setPeriodToTimeRange"] = True
    return properties


def _metric(line: Line | Expression) -> list[Any]:
    if isinstance(line, Expression):
        return [{"expression": line.expression, "label": line.label}]
    told = line.metric
    dimensions = [text for pair in sorted(told.dimensions.items()) for text in pair]
    options: dict[str, Any] = {"stat": told.statistic, "label": line.label}
    if line.id is not None:
        options["id"] = line.id
    if not line.shown:
        options["visible"] = False
    return [told.namespace, told.name, *dimensions, options]
