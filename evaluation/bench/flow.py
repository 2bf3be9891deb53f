"""What the flow costs beside the models it runs, on a local cloud that `hybrid-ocr up` starts.

For a long PDF, through the flow and by plain function calls in turns: wall-clock and CPU seconds, and how
long at least one endpoint was running a network (the union of the runs that the containers log). What is
left is the flow's: opening, rotation, storage, states, notices, validation, exports. For single pages the
real-time client, its seconds against the sum of the models' own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from evaluation.bench.endurance import write_long_pdf
from evaluation.bench.pages import find_pages
from hybrid_ocr.clients import AsyncClient, RealtimeClient
from hybrid_ocr.clients.connection import Connection, connect
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.pipeline import Pipeline

_COMMAND = Path(sys.executable).with_name("hybrid-ocr")

Interval = tuple[float, float]


@dataclass(frozen=True)
class _Flow:
    """Reads documents through a local cloud, as a client does; `logs` is the folder of its logs."""

    connection: Connection
    script: str
    logs: Path
    ready_seconds: float

    @cached_property
    def client(self) -> AsyncClient:
        """What submits."""
        return AsyncClient(connection=self.connection)

    def read(self, document: Path, out: Path) -> DocumentResult:
        """Read a document and bring every file of its result."""
        job = self.client.submit(document, script=self.script)
        self.client.wait(job)
        self.client.download(job, out)
        return self.client.result(job)


def flow(data: Path, pages: Sequence[int], *, repeat: int, calls: int, script: str) -> dict[str, Any]:
    """Measure all of it.

    Args:
        data: a folder of documents.
        pages: lengths of the PDFs that are made of them.
        repeat: how often each is read.
        calls: real-time calls.
        script: of the recogniser.
    """
    found: dict[str, Any] = {}
    with (
        TemporaryDirectory() as scratch,
        _up(script, Path(scratch) / "logs") as cloud,
        Pipeline(script=script) as direct,
    ):
        found["ready_seconds"] = cloud.ready_seconds
        images = [page.path for page in find_pages(data, Path(scratch))]
        _warm(images, cloud, direct)
        for count in pages:
            document = Path(scratch) / f"{count}.pdf"
            write_long_pdf(images, count, document)
            rounds = [_round(document, cloud, direct) for _ in range(repeat)]
            found |= _summary(count, rounds)
            found[f"{count}_pages_rounds"] = rounds
        found |= _realtime(cloud.connection, data, calls)
    return found


@contextmanager
def _up(script: str, logs: Path) -> Iterator[_Flow]:
    """A local cloud, from the command to its end."""
    began = time.perf_counter()
    command = [str(_COMMAND), "up", "--port", "0", "--script", script, "--logs", str(logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        first = process.stdout.readline() if process.stdout else ""
        seconds = time.perf_counter() - began
        address = re.search(r"AWS_ENDPOINT_URL=(\S+)", first)
        if address is None:
            raise RuntimeError("the local cloud did not start")
        try:
            connection = connect("local", endpoint_url=address[1])
            yield _Flow(connection, script, logs, seconds)
        finally:
            process.terminate()


def _realtime(connection: Connection, data: Path, calls: int) -> dict[str, Any]:
    """The real-time client on one receipt: its seconds, and their ratio to the sum of the models' own."""
    image = (data / "receipt.png").read_bytes()
    seconds, ratios = [], []
    with RealtimeClient(connection=connection) as client:
        client.read(image)
        for _ in range(calls):
            began = time.perf_counter()
            answer = client.read(image)
            seconds.append(time.perf_counter() - began)
            ratios.append(seconds[-1] / sum(answer.seconds.values()))
    return {
        "realtime_p50_seconds": median(seconds),
        "realtime_p50_ratio_to_models": median(ratios),
        "realtime_seconds": seconds,
    }


def _warm(images: Sequence[Path], cloud: _Flow, direct: Pipeline) -> None:
    with TemporaryDirectory() as out:
        for image in images:
            cloud.read(image, Path(out))
            direct.read(image, out=out)


def _round(document: Path, cloud: _Flow, direct: Pipeline) -> dict[str, float]:
    with TemporaryDirectory() as out:
        with _network_runs(cloud.logs) as runs:
            flow_seconds, flow_cpu = _spent(lambda: cloud.read(document, Path(out)))
        direct_seconds, direct_cpu = _spent(lambda: direct.read(document, out=out))
    return {
        "flow_seconds": flow_seconds,
        "networks_seconds": covered(runs),
        "direct_seconds": direct_seconds,
        "flow_cpu_seconds": flow_cpu,
        "direct_cpu_seconds": direct_cpu,
    }


def _summary(pages: int, rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    middle = {name: median(each[name] for each in rounds) for name in rounds[0]}
    overhead = middle["flow_seconds"] - middle["networks_seconds"]
    cpu = middle["flow_cpu_seconds"] - middle["direct_cpu_seconds"]
    return {
        f"{pages}_pages_flow_seconds": middle["flow_seconds"],
        f"{pages}_pages_direct_seconds": middle["direct_seconds"],
        f"{pages}_pages_overhead_seconds_a_page": overhead / pages,
        f"{pages}_pages_overhead_share": overhead / middle["flow_seconds"],
        f"{pages}_pages_more_cpu_seconds_a_page": cpu / pages,
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
    return float(sum(each.user + each.system for each in times))


@contextmanager
def _network_runs(logs: Path) -> Iterator[list[Interval]]:
    """Collects the runs of every container while the block runs."""
    before = {path: path.stat().st_size for path in logs.glob("*.log")}
    runs: list[Interval] = []
    yield runs
    for path, size in before.items():
        with path.open("rb") as log:
            log.seek(size)
            runs += _runs(log.read().decode(errors="replace").splitlines())


def _runs(lines: Iterable[str]) -> Iterator[Interval]:
    for line in lines:
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("message") == "invocation" and "run_ms" in entry:
            end = datetime.fromisoformat(entry["time"]).timestamp()
            yield end - entry["run_ms"] / 1000, end


def covered(intervals: Iterable[Interval]) -> float:
    """The length of the union of intervals."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total
