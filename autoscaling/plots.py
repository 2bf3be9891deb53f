"""Pictures of simulations: everything on one time axis, a column for each policy.

From top to bottom: what arrives; for each endpoint the backlog with the thresholds of its alarms, and the
instances with the cooldowns that follow each change; the latency of documents by the time they came.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from autoscaling.report import compare, dollars, seconds
from autoscaling.run import Run
from autoscaling.simulation.model import STAGES, EndpointModel
from autoscaling.simulation.outcome import EndpointSeries
from autoscaling.whole_file import replace_whole
from hybrid_ocr.contracts.errors import RequestError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "check_format", "draw", "save"]

FORMATS: Final = (".html", ".png")

_MOST_POINTS: Final = 1_500
"""Of a line; a week of minutes has more than any screen shows."""

_LOW: Final = 0.9
"""The low alarm of target tracking, as a share of its target (autoscaling.scaling)."""

_BLUE, _ORANGE, _GREEN, _RED, _GREY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b2182b",
    "#8c8c8c",
)  # Okabe and Ito 2008
_HEIGHTS: Final = (1.0, *(height for _ in STAGES for height in (1.2, 1.0)), 1.4)

_STYLE: Final[Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "hybrid-ocr",
}


def check_format(path: Path) -> None:
    """Raise RequestError unless a picture can be written under this name."""
    if path.suffix.lower() not in FORMATS:
        raise RequestError(f"{path.name}: a picture is {' or '.join(FORMATS)}")


def save(runs: Sequence[Run], path: Path, title: str) -> None:
    """Draw runs of one trace into a file: HTML that needs nothing else, or a PNG.

    Raises:
        RequestError: the suffix of the path is neither.
        OSError: it cannot be written; then nothing is.
    """
    check_format(path)
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        figure = draw(runs)
        if path.suffix.lower() == ".png":
            png = io.BytesIO()
            figure.savefig(png, format="png", dpi=150)
            replace_whole(path, png.getvalue())
        else:
            svg = io.StringIO()
            figure.savefig(svg, format="svg", metadata={"Date": None})
            drawing = svg.getvalue()
            replace_whole(path, _page(runs, drawing[drawing.index("<svg") :], title))


def draw(runs: Sequence[Run]) -> Figure:
    """The figure; the columns share their axes, so that they can be compared by eye."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 + 5.2 * len(runs), sum(_HEIGHTS) * 1.25), layout="constrained")
    axes: npt.NDArray[Any] = figure.subplots(
        len(_HEIGHTS), len(runs), sharex=True, sharey="row", squeeze=False, height_ratios=_HEIGHTS
    )
    for column, run in zip(axes.T, runs, strict=True):
        told = run.report
        column[0].set_title(
            f"{run.name}\np95 {seconds(told.p95)} · {dollars(told.dollars)} for this trace", fontsize=10
        )
        _arrivals(column[0], run)
        for index, stage in enumerate(STAGES):
            backlog, instances = column[1 + 2 * index], column[2 + 2 * index]
            series, model = run.outcome.endpoints[stage], run.pipeline.endpoints[stage]
            _backlog(backlog, run, series, model)
            _instances(instances, run, series, model)
            name = stage.replace("_", " ")
            backlog.set_ylabel(f"{name}\nbacklog")
            instances.set_ylabel("instances")
        _latency(column[-1], run)
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        column[-1].xaxis.set_major_locator(locator)
        column[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    # Only now: a limit that is set keeps the next column from widening the axis they share.
    for index, axis in enumerate(axes[:-1, 0]):
        instances = index > 0 and index % 2 == 0
        axis.set_ylim(bottom=-0.16 * axis.get_ylim()[1] if instances else 0)
    for axis in axes[:, 1:].ravel():
        axis.set_ylabel("")
    for axis in axes[:, 0]:
        if axis.get_legend_handles_labels()[1]:
            axis.legend(
                loc="lower left",
                bbox_to_anchor=(0, 0.97),
                borderpad=0,
                fontsize=7,
                frameon=False,
                ncols=4,
                handlelength=1.4,
            )
    figure.align_ylabels(axes[:, 0])
    return figure


def _arrivals(axis: Axes, run: Run) -> None:
    _, pages = run.trace.per_tick(60.0)
    ends = np.arange(1, len(pages) + 1, dtype=np.float64) * 60
    times, most = _thinned(ends, pages.astype(np.float64))
    axis.fill_between(_clock(run, times), most, step="pre", color=_GREY, alpha=0.6, linewidth=0)
    axis.set_ylabel("pages\na minute")


def _backlog(axis: Axes, run: Run, series: EndpointSeries, model: EndpointModel) -> None:
    times, backlog = _thinned(series.times, series.backlog)
    axis.fill_between(_clock(run, times), backlog, step="pre", color=_BLUE, alpha=0.25, linewidth=0)
    axis.step(_clock(run, times), backlog, where="pre", color=_BLUE, linewidth=0.8, label="backlog")
    if model.policy.tracking.metric != "InvocationsPerInstance":
        high = np.maximum(series.instances, 1) * model.policy.tracking.target
        at, levels = _changes(series.times, high)
        axis.step(_clock(run, at), levels, where="post", color=_RED, linewidth=0.8, label="high alarm above")
        axis.step(
            _clock(run, at),
            levels * _LOW,
            where="post",
            color=_GREEN,
            linewidth=0.8,
            ls=":",
            label="low alarm below",
        )
    axis.set_yscale("symlog", linthresh=10)


def _instances(axis: Axes, run: Run, series: EndpointSeries, model: EndpointModel) -> None:
    from matplotlib.ticker import MaxNLocator

    at, levels = _changes(series.times, series.instances)
    axis.fill_between(
        _clock(run, at), levels, step="post", color=_GREEN, alpha=0.35, linewidth=0, label="in service"
    )
    at, levels = _changes(series.times, series.desired)
    axis.step(_clock(run, at), levels, where="post", color="#333333", linewidth=0.8, label="desired")
    rises = np.flatnonzero(np.diff(levels) > 0) + 1
    falls = np.flatnonzero(np.diff(levels) < 0) + 1
    tracking = model.policy.tracking
    cooldowns = (
        (at[rises], tracking.scale_out_cooldown_seconds, _ORANGE, "cooldown after scale-out", 0.07),
        (at[falls], tracking.scale_in_cooldown_seconds, _BLUE, "after scale-in", 0.01),
    )
    for starts, length, colour, label, low in cooldowns:
        begins = _clock(run, starts)
        spans = [(begin, length / 86_400) for begin in begins]
        axis.broken_barh(
            spans, (low, 0.05), color=colour, linewidth=0, label=label, transform=axis.get_xaxis_transform()
        )
    axis.axhline(model.policy.max_instances, color=_GREY, linewidth=0.6, ls="--")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))


def _latency(axis: Axes, run: Run) -> None:
    outcome = run.outcome
    done = np.isfinite(outcome.latency) & (outcome.weight > 0)
    arrival, latency, weight = outcome.arrival[done], outcome.latency[done], outcome.weight[done]
    edges = np.linspace(0, run.trace.duration, 401)
    middles, curves = [], []
    for low, high in zip(*(np.searchsorted(arrival, side) for side in (edges[:-1], edges[1:])), strict=True):
        if high > low:
            order = low + np.argsort(latency[low:high])
            reached = np.cumsum(weight[order]) / weight[order].sum()
            middles.append(arrival[low:high].mean())
            curves.append([latency[order[np.searchsorted(reached, share - 1e-9)]] for share in (0.5, 0.95)])
    if curves:
        median, high_percentile = np.array(curves).T
        clock = _clock(run, np.array(middles))
        axis.plot(clock, high_percentile, ".-", color=_ORANGE, linewidth=0.7, markersize=2, label="p95")
        axis.plot(clock, median, ".-", color=_BLUE, linewidth=0.7, markersize=2, label="p50")
        axis.set_yscale("log")
    if run.report.deadline_seconds is not None:
        axis.axhline(run.report.deadline_seconds, color=_RED, linewidth=0.8, ls="--", label="deadline")
    axis.set_ylabel("latency of\na document, s")


Floats = npt.NDArray[np.float64]


def _clock(run: Run, times: Floats) -> Any:  # noqa: ANN401 - matplotlib has no type of its own for dates
    """Seconds of the trace as what matplotlib puts on a time axis."""
    from matplotlib.dates import date2num

    return date2num(run.trace.start) + times / 86_400  # type: ignore[no-untyped-call]


def _thinned(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Fewer points, each the highest of those it stands for: a peak is never lost."""
    block = -(-len(values) // _MOST_POINTS)
    if block <= 1:
        return times, values
    starts = np.arange(0, len(values), block)
    return times[np.minimum(starts + block, len(times)) - 1], np.maximum.reduceat(values, starts)


def _changes(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The first point, those at which the value changes, and the last: all that a line of steps needs."""
    keep = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    keep = np.append(keep, len(values) - 1)
    return times[keep], values[keep]


def _page(runs: Sequence[Run], svg: str, title: str) -> str:
    heading, *rows = compare({run.name: run.report for run in runs})
    lines = [_cells("th", heading), *(_cells("td", row) for row in rows)]
    trace = runs[0].trace
    page = Template(files(__package__).joinpath("plots.html").read_text("utf-8"))
    return page.substitute(
        title=escape(title),
        about=f"{trace.total_documents:,} documents with {trace.total_pages:,} pages, from"
        f" {trace.start:%Y-%m-%d %H:%M %Z} on.",
        figure=svg,
        table="\n".join(lines),
    )


def _cells(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
