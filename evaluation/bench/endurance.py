"""Start, memory and endurance of the whole pipeline, seen from outside its processes."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pikepdf
import psutil
from PIL import Image

from evaluation.bench.contestants import contestants
from evaluation.bench.pages import find_pages

_MIB = 2**20
_SAMPLE_SECONDS = 0.2
_COMMAND = Path(sys.executable).with_name("hybrid-ocr")


def start(data: Path, repeat: int, script: str) -> dict[str, Any]:
    """Seconds of the installed command on one page, from start to end: processes, models, page, exports.

    Raises:
        subprocess.CalledProcessError: the command did not read the page whole.
    """
    seconds = []
    with TemporaryDirectory() as scratch:
        page = find_pages(data, Path(scratch))[0]
        for number in range(repeat):
            out = Path(scratch) / f"out-{number}"
            began = time.perf_counter()
            subprocess.run(
                [_COMMAND, "read", page.path, "--out", out, *(["--script", script] if script else [])],
                check=True,
                capture_output=True,
            )
            seconds.append(time.perf_counter() - began)
    return {"page": page.name, "seconds": seconds, "median_seconds": median(seconds)}


def memory(data: Path, pages: int, script: str) -> dict[str, Any]:
    """Read one PDF of many pages; the peak of memory, and whether the last pages take longer than the first.

    Raises:
        WorkerError: the document was not read.
    """
    with TemporaryDirectory() as scratch, contestants(script or None)["hybrid-ocr"].worker() as worker:
        document = Path(scratch) / "long.pdf"
        images = [page.path for page in find_pages(data, Path(scratch))]
        write_long_pdf(images, pages, document)
        with _watched(worker.pid) as samples:
            worker.read(images[0])  # so that waiting for the servers does not count as the first page
            answer = worker.read(document)
    ends = np.array(answer.reading.page_ends)
    tenth = max(1, pages // 10)
    return {
        "pages": len(ends),
        "seconds": answer.seconds,
        "peak_mib": max(samples) / _MIB,
        "first_tenth_seconds_a_page": float(ends[tenth - 1] / tenth),
        "middle_seconds_a_page": float((ends[-tenth - 1] - ends[tenth - 1]) / (pages - 2 * tenth)),
        "last_tenth_seconds_a_page": float((ends[-1] - ends[-tenth - 1]) / tenth),
        "slope_ms_a_page": 1000 * slope(np.diff(ends)),
        "mib": [round(sample / _MIB, 1) for sample in samples],
        "page_ends": ends.tolist(),
    }


def soak(data: Path, pages: int, script: str) -> dict[str, Any]:
    """Read single pages one after another; how memory grows over the second half, when every cache is full.

    Raises:
        WorkerError: a page was not read.
    """
    sizes: list[int] = []
    seconds: list[float] = []
    with TemporaryDirectory() as scratch, contestants(script or None)["hybrid-ocr"].worker() as worker:
        sources = [page.path for page in find_pages(data, Path(scratch))]
        for path in itertools.islice(itertools.cycle(sources), pages):
            seconds.append(worker.read(path).seconds)
            sizes.append(proportional_memory(worker.pid))
    half = pages // 2
    return {
        "pages": pages,
        "peak_mib": max(sizes) / _MIB,
        "middle_mib": sizes[half] / _MIB,
        "end_mib": sizes[-1] / _MIB,
        "growth_kib_a_page": slope(np.array(sizes[half:])) / 1024,
        "slope_ms_a_page": 1000 * slope(np.array(seconds[half:])),
        "mib": [round(size / _MIB, 1) for size in sizes],
    }


def slope(values: np.ndarray[Any, Any]) -> float:
    """Growth a step: the median over all pairs (Theil 1950, Sen 1968), so outliers do not count."""
    first, second = np.triu_indices(len(values), 1)
    return float(np.median((values[second] - values[first]) / (second - first))) if len(first) else 0.0


def write_long_pdf(images: Sequence[Path], pages: int, out: Path) -> None:
    """A PDF that shows the images over and over, each time as a stream of its own: no cache can help."""
    with pikepdf.new() as document:
        sources = []  # their streams are copied only when the document is saved
        for number, path in enumerate(itertools.islice(itertools.cycle(images), pages)):
            buffer = io.BytesIO()
            with Image.open(path) as image:
                image.convert("RGB").save(buffer, "PDF", quality=80 + number % 10, resolution=200)
            sources.append(pikepdf.open(buffer))
            document.pages.extend(sources[-1].pages)
        document.save(out)


def proportional_memory(pid: int) -> int:
    """Bytes of a process and its descendants; what several share is divided among them (PSS of /proc)."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended meanwhile
    return total


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Sample the memory of a family of processes for as long as the block runs."""
    samples: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_SAMPLE_SECONDS):
            samples.append(proportional_memory(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        stop.set()
        watcher.join()
