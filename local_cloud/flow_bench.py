"""`python -m local_cloud.flow_bench`: what the flow costs beside the models it runs.

For a long PDF, through the local cloud and by plain function calls in turns: wall-clock and CPU seconds, and
how long at least one endpoint was running a network (the union of the runs that the containers log). What is
left is the flow's: opening, rotation, storage, states, notices, validation, exports. For single pages the
real-time client, its seconds against the sum of the models' own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console

from evaluation.bench.endurance import write_long_pdf
from evaluation.bench.machine import describe_commit, describe_machine
from evaluation.bench.pages import find_pages
from hybrid_ocr.clients import AsyncClient, RealtimeClient
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.pipeline import Pipeline
from local_cloud.cloud import CloudSettings, LocalCloud
from local_cloud.early import EarlyContainers
from local_cloud.models import LocalModels

_ROOT = Path(__file__).resolve().parents[1]
_COMMAND = Path(sys.executable).with_name("hybrid-ocr")

Interval = tuple[float, float]
app = typer.Typer(help=__doc__, pretty_exceptions_enable=False)
console = Console()


class _Flow:
    """Reads documents through a local cloud, as a client does."""

    def __init__(self, cloud: LocalCloud, early: EarlyContainers, script: str) -> None:
        self._logs, self._script = (cloud.log_dir, early.log_dir), script
        self._client = AsyncClient(connection=cloud.connection())

    def read(self, document: Path, out: Path) -> DocumentResult:
        """Read a document and bring every file of its result."""
        job = self._client.submit(document, script=self._script)
        self._client.wait(job)
        self._client.download(job, out)
        return self._client.result(job)

    @property
    def logs(self) -> list[Path]:
        """The logs of every process of the cloud."""
        return [log for folder in self._logs for log in folder.glob("*.log")]


@app.command()
def measure(  # noqa: PLR0917 - a command line, not a call
    data: Annotated[Path, typer.Option(help="A folder of documents.")] = _ROOT / "samples" / "documents",
    pages: Annotated[str, typer.Option(help="Lengths of the PDFs, with commas.")] = "20,100",
    repeat: Annotated[int, typer.Option(min=1)] = 2,
    calls: Annotated[int, typer.Option(min=1, help="Real-time calls.")] = 30,
    script: str = "latin",
    out: Path = _ROOT / "build" / "bench" / "flow.json",
) -> None:
    """Measure all of it and keep the numbers."""
    found: dict[str, Any] = {"commit": describe_commit(), "machine": describe_machine(), "flow": []}
    found["ready_seconds"] = [ready(script) for _ in range(repeat)]
    console.print(f"up, until documents can be submitted: {median(found['ready_seconds']):.1f} s")
    with (
        TemporaryDirectory() as scratch,
        EarlyContainers(LocalModels(script=script)) as early,
        LocalCloud(CloudSettings(script=script, metrics=False, launch=early.launch)) as cloud,
        Pipeline(script=script) as direct,
    ):
        flow = _Flow(cloud, early, script)
        images = [page.path for page in find_pages(data, Path(scratch))]
        _warm(images, flow, direct)
        for count in map(int, pages.split(",")):
            document = Path(scratch) / f"{count}.pdf"
            write_long_pdf(images, count, document)
            rounds = [_round(document, flow, direct) for _ in range(repeat)]
            found["flow"].append({"pages": count, "rounds": rounds})
            _tell(count, rounds)
        found["realtime"] = realtime(cloud, data, calls)
    seconds, ratio = found["realtime"]["p50_seconds"], found["realtime"]["p50_ratio"]
    console.print(
        f"real-time client: p50 {1000 * seconds:.0f} ms, {ratio:.2f} x the sum of the models' own times"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


def ready(script: str) -> float:
    """Seconds from the command `hybrid-ocr up` to the line that says how to reach it."""
    began = time.perf_counter()
    command = [str(_COMMAND), "up", "--port", "0", "--script", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        said = process.stdout.readline() if process.stdout else b""
        seconds = time.perf_counter() - began
        process.terminate()
    if not said:
        raise RuntimeError("the local cloud did not start")
    return seconds


def realtime(cloud: LocalCloud, data: Path, calls: int) -> dict[str, Any]:
    """The real-time client on one receipt: its seconds, and their ratio to the sum of the models' own."""
    image = (data / "receipt.png").read_bytes()
    with RealtimeClient(connection=cloud.connection()) as client:
        client.read(image)
        walls, ratios = [], []
        for _ in range(calls):
            began = time.perf_counter()
            answer = client.read(image)
            walls.append(time.perf_counter() - began)
            ratios.append(walls[-1] / sum(answer.seconds.values()))
    return {"p50_seconds": median(walls), "p50_ratio": median(ratios), "seconds": walls, "ratios": ratios}


def _warm(images: Sequence[Path], flow: _Flow, direct: Pipeline) -> None:
    with TemporaryDirectory() as out:
        for image in images:
            flow.read(image, Path(out))
            direct.read(image, out=out)


def _round(document: Path, flow: _Flow, direct: Pipeline) -> dict[str, float]:
    with TemporaryDirectory() as out:
        with _watched(flow) as runs:
            flow_seconds, flow_cpu = _spent(lambda: flow.read(document, Path(out)))
        direct_seconds, direct_cpu = _spent(lambda: direct.read(document, out=out))
    return {
        "flow_seconds": flow_seconds,
        "models_seconds": covered(runs),
        "direct_seconds": direct_seconds,
        "flow_cpu_seconds": flow_cpu,
        "direct_cpu_seconds": direct_cpu,
    }


def _spent(read: Callable[[], DocumentResult]) -> tuple[float, float]:
    """Wall-clock seconds and CPU seconds of all processes; the other reader's are idle meanwhile."""
    cpu, began = _cpu_seconds(), time.perf_counter()
    result = read()
    if result.status != "completed":
        raise RuntimeError(f"the document was not read whole: {result.findings[:3]}")
    return time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(told.user + told.system for told in times))


@contextmanager
def _watched(flow: _Flow) -> Iterator[list[Interval]]:
    """Collects the runs of every container while the block runs."""
    before = {path: path.stat().st_size for path in flow.logs}
    runs: list[Interval] = []
    yield runs
    for path, size in before.items():
        with path.open("rb") as log:
            log.seek(size)
            runs += _runs(log.read().decode(errors="replace").splitlines())


def _runs(lines: Iterable[str]) -> Iterator[Interval]:
    for line in lines:
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("message") == "invocation" and "run_ms" in told:
            end = datetime.fromisoformat(told["time"]).timestamp()
            yield end - told["run_ms"] / 1000, end


def covered(intervals: Iterable[Interval]) -> float:
    """The length of the union of intervals."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _tell(pages: int, rounds: Sequence[dict[str, float]]) -> None:
    told = {name: median(each[name] for each in rounds) for name in rounds[0]}
    flow, models, direct = told["flow_seconds"], told["models_seconds"], told["direct_seconds"]
    cpu = (told["flow_cpu_seconds"] - told["direct_cpu_seconds"]) / pages
    for line in (
        f"{pages} pages: {flow:.1f} s through the flow, of which a network ran {models:.1f} s",
        f"  overhead {(flow - models) / pages:.3f} s a page, {(flow - models) / flow:.1%} of the total",
        f"  by plain calls {direct:.1f} s; the flow takes {cpu:.3f} s of CPU a page more",
    ):
        console.print(line, soft_wrap=True)


if __name__ == "__main__":
    app()
