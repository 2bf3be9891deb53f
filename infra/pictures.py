"""Pictures of dashboards, to look at before anything is deployed: each widget with its title and lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, Final
from xml.sax.saxutils import escape

from infra.rules import Component

__all__ = ["picture", "write_pictures"]

_UNIT: Final = 44
"""Pixels of a column of CloudWatch's grid; its rows are as high."""
_LINE: Final = 16
_CHARACTER: Final = 6.6
_COLOURS: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#16191f}.head{font-weight:bold}.dim{fill:#687078}"
    "rect{fill:#fff;stroke:#d5dbdb}.note{fill:#f2f3f3}.axis{stroke:#eaeded}"
)


def write_pictures(component: Component, folder: Path) -> list[Path]:
    """Draw every dashboard of a synthesised component; returns the files NAME.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for board in component.of("AWS::CloudWatch::Dashboard"):
        file = folder / f"{board.properties['DashboardName']}.svg"
        file.write_text(picture(json.loads(board.properties["DashboardBody"])), "utf-8")
        files.append(file)
    return files


def picture(body: Mapping[str, Any]) -> str:
    """The layout of a dashboard as SVG.

    Args:
        body: as PutDashboard takes it.
    """
    widgets = body["widgets"]
    width = max(widget["x"] + widget["width"] for widget in widgets) * _UNIT
    height = max(widget["y"] + widget["height"] for widget in widgets) * _UNIT
    parts = [part for widget in widgets for part in _widget(widget)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _widget(widget: Mapping[str, Any]) -> Iterator[str]:
    x, y = widget["x"] * _UNIT + 3, widget["y"] * _UNIT + 3
    width, height = widget["width"] * _UNIT - 6, widget["height"] * _UNIT - 6
    told = widget["properties"]
    if widget["type"] == "text":
        yield f'<rect class="note" x="{x}" y="{y}" width="{width}" height="{height}"/>'
        heading, _, text = told["markdown"].partition("\n")
        yield _text(x + 10, y + 24, heading.lstrip("# "), "head")
        yield _text(x + 10, y + 24 + _LINE, text)
        return
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
    yield _text(x + 10, y + 20, told["title"], "head")
    if "yAxis" in told:
        yield _text(x + 10, y + 20 + _LINE, told["yAxis"]["left"]["label"], "dim")
    legend = list(_legend(told["metrics"], int((width - 40) / _CHARACTER)))
    top, bottom = y + 48, y + height - 10 - _LINE * len(legend)
    for step in range(5 if told["view"] == "timeSeries" else 0):
        level = top + (bottom - 14 - top) * step / 4
        yield f'<line class="axis" x1="{x + 10}" y1="{level:g}" x2="{x + width - 10}" y2="{level:g}"/>'
    for number, (colour, line) in enumerate(legend):
        baseline = bottom + _LINE * (number + 1)
        if colour:
            yield f'<rect x="{x + 12}" y="{baseline - 9}" width="9" height="9" style="fill:{colour}"/>'
        yield _text(x + 28, baseline, line)


def _legend(metrics: list[list[Any]], most: int) -> Iterator[tuple[str, str]]:
    """Colour and words of each line that is shown; what is too long goes on without a colour."""
    shown = [entry for entry in metrics if entry[-1].get("visible", True)]
    for number, entry in enumerate(shown):
        options = entry[-1]
        how = options.get("expression") or f"{options['stat']} of {entry[1]}"
        first, *rest = wrap(f"{options['label']}: {how}", most)
        yield _COLOURS[number % len(_COLOURS)], first
        yield from (("", line) for line in rest)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    attribute = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}"{attribute}>{escape(text)}</text>'
