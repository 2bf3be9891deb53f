"""`hybrid_ocr.read`: one call to a first result."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.pipeline.pipeline import Pipeline


def read(
    source: str | Path | bytes,
    *,
    pages: str | None = None,
    out: str | Path | None = None,
    script: str | None = None,
    engine: EngineName = "openvino",
) -> DocumentResult:
    """Read one document; see `Pipeline.read` for what is returned and raised.

    The networks stay loaded for the next call, until the process ends. To choose when they go, or to set more
    than this, use a `Pipeline`.

    Args:
        source: a PDF, TIFF, PNG, JPEG or WebP file, or the bytes of one.
        pages: for example "1-5,8" or "3-"; None is all.
        out: a folder for result.json, the text, Markdown, searchable PDF, hOCR and report.
        script: recognise one script only, such as "latin": faster, and no look-alikes from others.
        engine: runs the networks.
    """
    return _pipeline(script, engine).read(source, pages=pages, out=out)


@cache
def _pipeline(script: str | None, engine: EngineName) -> Pipeline:
    pipeline = Pipeline(script=script, engine=engine)
    atexit.register(pipeline.close)
    return pipeline
