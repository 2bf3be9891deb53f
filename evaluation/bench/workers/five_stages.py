"""All five stages as a contestant of the benchmark: the pipeline of `hybrid-ocr read`, kept running."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evaluation.bench.protocol import Reading, serve
from evaluation.bench.workers.facts import versions
from hybrid_ocr.contracts.geometry import apply_matrix
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.engines.cpu import granted_threads
from hybrid_ocr.pipeline import Pipeline, Task
from hybrid_ocr.pipeline.allocator import return_large_blocks


class PageClock:
    """Notes when each page of a call was done, in seconds since the call began."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.ends: list[float] = []

    def opened(self, pages: int) -> None:
        """The time of opening is not asked for."""

    def page_done(self) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter() - self._began)


class FiveStages:
    """File in; text, and every export that `read` writes, out."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.about: dict[str, Any] = {
            "versions": versions("hybrid-ocr", "openvino", "opencv-python-headless", "pypdfium2", "numpy"),
            "models": {},
            "settings": {"engine": "openvino", "precision": "auto", "threads": str(granted_threads())},
        }

    def read(self, path: Path) -> Reading:
        """Read one document; raises RuntimeError where it was not read whole."""
        clock = PageClock()
        began = time.perf_counter()
        with TemporaryDirectory(prefix="hybrid-ocr-bench-") as out:
            [result] = self._pipeline.read_all([Task(path, out=Path(out), progress=clock)])
            seconds = time.perf_counter() - began
        if result.status != "completed":
            raise RuntimeError(f"{result.status}: {[finding.message for finding in result.findings]}")
        self.about["models"] |= {model.name: model.sha256 for model in result.models.values()}
        stages = {stage: spent for stage, spent in result.timings.items() if stage != "total"}
        # What is left after the last stage answered: validation and writing the exports.
        stages["validation and exports"] = seconds - result.timings["total"]
        return Reading(_lines(result), stages, clock.ends)


def _lines(result: DocumentResult) -> list[tuple[list[list[float]], str]]:
    """Lines with their corners in pixels of the page as it lies in the file."""
    return [
        (apply_matrix(page.to_original, np.array(line.polygon)).tolist(), line.text)
        for page in result.pages
        for line in page.lines
    ]


def main() -> None:
    """Serve until the benchmark has no more pages, then end the pipeline."""
    return_large_blocks()
    with ExitStack() as resources:
        serve(
            lambda settings: FiveStages(resources.enter_context(Pipeline(script=settings["script"] or None)))
        )


if __name__ == "__main__":
    main()
