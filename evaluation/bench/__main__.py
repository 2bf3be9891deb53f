"""`python -m evaluation.bench`: the match; `setup`, `start`, `memory`, `soak` and `flow` beside it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TimeRemainingColumn

from evaluation.bench.machine import describe_commit, describe_machine, hold_threads
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.needs import needs

_ROOT = Path(__file__).resolve().parents[2]
_SAMPLES = _ROOT / "samples" / "documents"
_RESULTS = _ROOT / "build" / "bench"

Data = Annotated[Path, typer.Option(help="Folder with receipts/, pages/ or documents with NAME.truth.json.")]
Script = Annotated[str, typer.Option(help="Script artefact of our recogniser; empty for the whole one.")]

app = typer.Typer(
    help=__doc__, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)
console = Console()


@app.callback(invoke_without_command=True)
@needs("python -m evaluation.bench", extra="bench")
def match(  # noqa: PLR0917 - a command line, not a call
    context: typer.Context,
    data: Data = _SAMPLES,
    engines: Annotated[
        str | None, typer.Option(help="Who takes part, by name, with commas; all if not given.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Timed readings of each page after the first.")] = 3,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores for everyone; all that are granted.")
    ] = None,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "match.json",
) -> None:
    """Speed and accuracy of all contestants on the same pages, in turns."""
    if context.invoked_subcommand is not None:
        return
    from evaluation.bench.compare import compare
    from evaluation.bench.contestants import contestants
    from evaluation.bench.pages import find_pages
    from evaluation.bench.report import complaints, kinds, results, tables

    known = contestants(script or None)
    names = engines.split(",") if engines else list(known)
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(
            f"{', '.join(unknown)}: not one of {', '.join(known)}", param_hint="--engines"
        )
    hold_threads(threads or granted_threads())
    chosen = [known[name] for name in names]
    with TemporaryDirectory() as scratch:
        pages = find_pages(data, Path(scratch))
        with Progress("reading", BarColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
            absent = sum(contestant.absence() is not None for contestant in chosen)
            task = bar.add_task("", total=(len(chosen) - absent) * len(pages) * (repeat + 1))
            records = compare(chosen, pages, repeat, lambda: bar.advance(task))
    for kind in kinds(records):
        console.print(*tables(records, kind))
    console.print(*complaints(records), sep="\n", style="yellow", markup=False)
    settings = {
        "data": data.name,
        "repeat": repeat,
        "threads": threads or granted_threads(),
        "script": script,
    }
    _keep(out, results(records, settings))


def _keep(out: Path, found: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    console.print(f"results: {out}")


def _endurance(out: Path, found: dict[str, Any]) -> None:
    for name, value in found.items():
        if not isinstance(value, list):
            console.print(f"{name:30} {value:.3f}" if isinstance(value, float) else f"{name:30} {value}")
    _keep(out, {"commit": describe_commit(), "machine": describe_machine(), **found})


@app.command()
@needs("python -m evaluation.bench setup", extra="bench")
def setup() -> None:
    """Make the environments of the contestants that cannot live beside ours."""
    from evaluation.bench.environments import PADDLE, RAPIDOCR

    for environment in (RAPIDOCR, PADDLE):
        console.print(f"environment {environment.name}")
        environment.make()


@app.command()
@needs("python -m evaluation.bench start", extra="bench")
def start(
    data: Data = _SAMPLES,
    repeat: Annotated[int, typer.Option(min=1)] = 5,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "start.json",
) -> None:
    """Seconds from starting the installed command to its end, on one page."""
    from evaluation.bench import endurance

    _endurance(out, endurance.start(data, repeat, script))


@app.command()
@needs("python -m evaluation.bench overhead", extra="bench")
def overhead(
    data: Data = _SAMPLES,
    repeat: Annotated[int, typer.Option(min=1)] = 5,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "overhead.json",
) -> None:
    """A page through the pipeline against the stages one after the other, both warm."""
    from evaluation.bench.overhead import overhead

    _endurance(out, overhead(data, repeat, script))


@app.command()
@needs("python -m evaluation.bench memory", extra="bench")
def memory(
    data: Data = _SAMPLES,
    pages: Annotated[int, typer.Option(min=20)] = 100,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "memory.json",
) -> None:
    """Memory of all processes and time a page while one long PDF is read through all five stages."""
    from evaluation.bench import endurance

    _endurance(out, endurance.memory(data, pages, script))


@app.command()
@needs("python -m evaluation.bench soak", extra="bench")
def soak(
    data: Data = _SAMPLES,
    pages: Annotated[int, typer.Option(min=20)] = 500,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "soak.json",
) -> None:
    """Growth of memory while documents are read one after another without end."""
    from evaluation.bench import endurance

    _endurance(out, endurance.soak(data, pages, script))


@app.command()
@needs("python -m evaluation.bench flow", extra="bench")
def flow(  # noqa: PLR0917 - a command line, not a call
    data: Data = _SAMPLES,
    pages: Annotated[str, typer.Option(help="Lengths of the PDFs, with commas.")] = "20,100",
    repeat: Annotated[int, typer.Option(min=1)] = 2,
    calls: Annotated[int, typer.Option(min=1, help="Real-time calls.")] = 30,
    script: Script = "latin",
    out: Annotated[Path, typer.Option(help="Results file.")] = _RESULTS / "flow.json",
) -> None:
    """What the flow costs beside the models it runs, on a local cloud; the real-time client."""
    from evaluation.bench.flow import flow

    lengths = [int(count) for count in pages.split(",")]
    _endurance(out, flow(data, lengths, repeat=repeat, calls=calls, script=script))


if __name__ == "__main__":
    app()
