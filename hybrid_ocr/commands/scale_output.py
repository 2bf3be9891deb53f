"""What a person sees of simulations and searches."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from autoscaling.policies import Policy
from autoscaling.policy_file import difference, with_policies
from autoscaling.report import Report, compare, dollars, seconds
from autoscaling.run import Run
from autoscaling.scenario import Hosting, Scenario
from autoscaling.tuner import Candidate, Tuning
from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.stages import ENDPOINTS

_FRONT_SHOWN: Final = 12
_PIPE_WIDTH: Final = 200
_LINES: Final = 10
"""Of progress, where there is no terminal."""


def print_runs(runs: Sequence[Run], *, as_json: bool) -> None:
    """The table of one run or of two."""
    if as_json:
        print(json.dumps({run.name: _facts(run.report) for run in runs}, indent=1, allow_nan=True))
        return
    heading, *rows = compare({run.name: run.report for run in runs})
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, name in enumerate(heading):
        table.add_column(Text(name), justify="right" if index else "left", no_wrap=True)
    for row in rows:
        style = "dim" if row[0].startswith(" ") else ""
        table.add_row(*(Text(cell, style) for cell in row))
    _console().print(table)


def warn_of_estimates(scenario: Scenario) -> None:
    """Say on standard error which figures nobody measured."""
    types = {host.instance_type for host in scenario.hosting.values()}
    if guessed := sorted(name for name in types if scenario.service_times.estimated(name)):
        note = (
            f"service times of {', '.join(guessed)} are estimates: measure them before you trust the dollars"
        )
        Console(stderr=True).print(Text(note, "yellow"), soft_wrap=True)


@contextmanager
def searching(trials: int, *, quiet: bool) -> Iterator[Callable[[int, Candidate | None], None]]:
    """How far a search is, and its best so far, on standard error: a bar on a terminal, elsewhere lines."""
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal:
        yield _search_lines(console, trials)
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=trials)
        yield lambda tried, best: bar.update(task, completed=tried, description=_so_far(best))


def _search_lines(console: Console, trials: int) -> Callable[[int, Candidate | None], None]:
    """Tells each tenth of the search in a line, and each time something better is found."""
    step = max(1, trials // _LINES)
    last: Candidate | None = None

    def report(tried: int, best: Candidate | None) -> None:
        nonlocal last
        if tried % step == 0 or tried == trials or best is not last:
            last = best
            console.print(f"{tried} of {trials} candidates: {_so_far(best)}", soft_wrap=True, highlight=False)

    return report


def _so_far(best: Candidate | None) -> str:
    if best is None:
        return "nothing meets the goal yet"
    return f"{dollars(best.report.dollars_per_month)} in 30 days, p95 {seconds(best.report.p95)}"


def print_tuning(found: Tuning, policies: Path | None, *, as_json: bool) -> None:
    """The Pareto front, what was chosen, and what to change."""
    if found.interrupted:
        notice = f"interrupted after {found.tried} candidates: the best so far"
        Console(stderr=True).print(Text(notice, "yellow"))
    if as_json:
        print(json.dumps(_tuning(found), indent=1, allow_nan=True))
        return
    console = _console()
    console.print(_front(found))
    if found.chosen is None:
        Console(stderr=True).print(
            Text(
                f"none of {found.tried} candidates meets the goal: allow more time, money or instances", "red"
            )
        )
        return
    share = found.chosen.report.dollars / found.before.report.dollars if found.before.report.dollars else 1.0
    console.print(Text(f"\nchosen: {share:.0%} of what the policies cost now\n", "bold"), soft_wrap=True)
    hosting = found.chosen.scenario.hosting
    for line in hosting_changes(found.before.scenario.hosting, hosting):
        console.print(Text(line), soft_wrap=True)
    hosts = " ".join(
        f"--against-host {stage}={host.instance_type}:{host.mode}" for stage, host in hosting.items()
    )
    console.print(
        Text(f"to see it beside the present: scale simulate --against FILE {hosts}\n", "dim"), soft_wrap=True
    )
    print_difference(*changed_file(found.chosen, policies))


def hosting_changes(
    before: Mapping[EndpointStage, Hosting], after: Mapping[EndpointStage, Hosting]
) -> list[str]:
    """What endpoints run on if not what they did, and the lines of a stage's file for another type."""
    changed = [stage for stage in after if after[stage] != before[stage]]
    types = [stage for stage in changed if after[stage].instance_type != before[stage].instance_type]
    lines = [
        f"{stage}: {before[stage].instance_type} {before[stage].mode} -> "
        f"{after[stage].instance_type} {after[stage].mode}"
        for stage in changed
    ]
    if types:
        lines += [
            "",
            "in infra/stages/STAGE.toml; `make deploy STAGE=STAGE` takes scaling away while a type changes:",
        ]
    for stage in types:
        lines += [f"[endpoints.{stage}]", f'instance_type = "{after[stage].instance_type}"']
    return [*lines, ""] if types else lines


def changed_file(candidate: Candidate, policies: Path | None) -> tuple[str, str]:
    """The text of a policies.toml before, and with a candidate's policies in it."""
    return with_policies_of(candidate.changes(), policies)


def with_policies_of(
    changes: Mapping[tuple[EndpointStage, EndpointMode], Policy], policies: Path | None
) -> tuple[str, str]:
    """The text of a policies.toml before, and with other policies in it."""
    path = policies or Path(str(files("autoscaling").joinpath("policies.toml")))
    before = path.read_text("utf-8")
    return before, with_policies(before, changes)


def print_difference(before: str, after: str) -> None:
    """A diff on standard output; coloured where a person sees it."""
    diff = difference(before, after) or "nothing to change\n"
    if not sys.stdout.isatty():
        print(diff, end="")
        return
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines():
        Console().print(Text(line, styles.get(line[:1], "")), soft_wrap=True)


def _console() -> Console:
    """Standard output; a pipe is as wide as the widest table."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)


def _front(found: Tuning) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    stages = (stage.removesuffix("_detection") for stage in ENDPOINTS)
    for name in ("", "$ in 30 days", "p95", "p99", *stages):
        number = name.startswith(("$", "p9"))
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    shown = _spread(found.front, found.chosen)
    for candidate in [found.before, *shown]:
        mark = "now" if candidate is found.before else "=>" if candidate is found.chosen else ""
        report = candidate.report
        table.add_row(
            mark,
            dollars(report.dollars_per_month),
            seconds(report.p95),
            seconds(report.latency[99].total),
            *(_endpoint(candidate, stage) for stage in candidate.scenario.hosting),
            style="bold" if mark == "=>" else "",
        )
    return table


def _endpoint(candidate: Candidate, stage: EndpointStage) -> str:
    host, policy = candidate.scenario.hosting[stage], candidate.scenario.policy(stage)
    mode = "" if host.mode == "async" else " rt"
    planned = f" +{len(policy.schedules)}" if policy.schedules else ""
    kind = host.instance_type.removeprefix("ml.")
    return f"{kind}{mode} {policy.min_instances}-{policy.max_instances}@{policy.tracking.target:g}{planned}"


def _spread(front: Sequence[Candidate], chosen: Candidate | None) -> list[Candidate]:
    """Not more of a front than fit on a screen, evenly, and the chosen one among them."""
    step = max(1, -(-len(front) // _FRONT_SHOWN))
    return [candidate for index, candidate in enumerate(front) if index % step == 0 or candidate is chosen]


def _facts(report: Report) -> dict[str, Any]:
    return asdict(report) | {
        "dollars": report.dollars,
        "dollars_per_month": report.dollars_per_month,
        "dollars_per_thousand_pages": report.dollars_per_thousand_pages,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "report": _facts(candidate.report),
        "hosting": {stage: asdict(host) for stage, host in candidate.scenario.hosting.items()},
        "policies": {
            f"{stage}.{mode}": policy.model_dump(mode="json")
            for (stage, mode), policy in candidate.changes().items()
        },
    }


def _tuning(found: Tuning) -> dict[str, Any]:
    return {
        "tried": found.tried,
        "interrupted": found.interrupted,
        "before": _candidate(found.before),
        "chosen": _candidate(found.chosen) if found.chosen else None,
        "front": [_candidate(candidate) for candidate in found.front],
    }
