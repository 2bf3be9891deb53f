"""What the pipeline costs beside its stages: a page through `Pipeline`, and through the stages by hand."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from evaluation.bench.pages import find_pages
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import StageName
from hybrid_ocr.contracts.result import DocumentParts, PageParts, PageRecord
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.pipeline import Models, Pipeline
from hybrid_ocr.stages import load_stage
from hybrid_ocr.stages.validation import load_rules, validate


class SequentialStages:
    """The stages one after the other, without threads: what their own times add up to."""

    def __init__(self, script: str, opener: DocumentOpener) -> None:
        models = Models(script=script or None)
        self._stages = {name: load_stage(name, models.context(name)) for name in models.names}
        self._opener, self._rules = opener, load_rules()

    def read(self, path: Path) -> None:
        """Read the first page of a document."""
        self._opener.inspect(path)
        page = self._answer("rotation", self._opener.render(path, 1))
        regions = self._answer("region_detection", page)
        text = self._answer("ocr", self._answer("text_detection", page))
        parts = (PageParts(page=PageRecord.of(page), regions=regions, text=text),)
        validate(DocumentParts(job_id="x", source=path.name, expected_pages=1, pages=parts), self._rules)

    def _answer(self, stage: StageName, request: Any) -> Any:  # noqa: ANN401 - a message of that stage
        [answer] = self._stages[stage].run([request])
        if isinstance(answer, OcrError):
            raise answer
        return answer


def overhead(data: Path, repeat: int, script: str) -> dict[str, Any]:
    """Seconds of each page both ways, in turns; the ratio of their sums, each page by its median."""
    sequential_seconds: dict[str, list[float]] = {}
    pipeline_seconds: dict[str, list[float]] = {}
    with (
        TemporaryDirectory() as scratch,
        DocumentOpener() as opener,
        Pipeline(script=script or None) as pipeline,
    ):
        sequential = SequentialStages(script, opener)
        pages = find_pages(data, Path(scratch))
        for round_ in range(repeat + 1):
            for page in pages:
                ways = [
                    (sequential_seconds, lambda path=page.path: sequential.read(path)),
                    (pipeline_seconds, lambda path=page.path: pipeline.read(path, pages="1")),
                ]
                for seconds, read in ways if round_ % 2 else reversed(ways):
                    began = time.perf_counter()
                    read()
                    if round_:  # the first compiles kernels for the shapes of these pages
                        seconds.setdefault(page.name, []).append(time.perf_counter() - began)
    sequential_total = sum(median(seconds) for seconds in sequential_seconds.values())
    pipeline_total = sum(median(seconds) for seconds in pipeline_seconds.values())
    return {
        "pages": len(pages),
        "stages_seconds": sequential_total,
        "pipeline_seconds": pipeline_total,
        "ratio": pipeline_total / sequential_total,
    }
