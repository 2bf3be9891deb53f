"""Who takes part. A worker is named by its module, so that one above this layer can be named too."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.bench.environments import PADDLE, RAPIDOCR, Environment
from evaluation.bench.worker import Worker
from hybrid_ocr.artifacts import artifacts_root

_WORKERS = "evaluation.bench.workers"


@dataclass(frozen=True)
class ContestantSpec:
    """A contestant and how its worker is started.

    Args:
        name: what the command line and the results call it.
        title: what tables call it.
        module: its worker.
        home: its environment; None is the one that runs the benchmark.
        settings: given to the worker.
        program: a command of the system that it needs.
    """

    name: str
    title: str
    module: str
    home: Environment | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    program: str | None = None

    def absence(self) -> str | None:
        """Why it cannot take part here, or None."""
        if self.home is not None and not self.home.python.exists():
            return f"no environment at {self.home.folder}: run `make bench-setup`"
        if self.program is not None and shutil.which(self.program) is None:
            return f"{self.program} is not installed"
        return None

    def worker(self) -> Worker:
        """Its process, to be entered."""
        return Worker(
            Path(sys.executable) if self.home is None else self.home.python, self.module, self.settings
        )


def contestants(script: str | None = "latin") -> dict[str, ContestantSpec]:
    """Everybody, by name. `script` is the artefact of our recogniser; the others read every script."""
    detection, recognition = "pp-ocrv6-small-det", "pp-ocrv6-small-rec"
    ours = f"{recognition}-{script}" if script else recognition
    root = artifacts_root()
    return {
        contestant.name: contestant
        for contestant in (
            ContestantSpec(
                "hybrid-ocr",
                "hybrid-ocr",
                "evaluation.bench.workers.five_stages",
                settings={"script": script or ""},
            ),
            ContestantSpec(
                "hybrid-ocr-text",
                "hybrid-ocr text",
                f"{_WORKERS}.text_stages",
                settings={"detection": detection, "recognition": ours},
            ),
            ContestantSpec("rapidocr", "RapidOCR", f"{_WORKERS}.rapidocr", RAPIDOCR, {"engine": "default"}),
            ContestantSpec(
                "rapidocr-openvino",
                "RapidOCR OpenVINO",
                f"{_WORKERS}.rapidocr",
                RAPIDOCR,
                {"engine": "openvino"},
            ),
            ContestantSpec(
                "paddleocr",
                "PaddleOCR",
                f"{_WORKERS}.paddleocr",
                PADDLE,
                {"detection": str(root / detection), "recognition": str(root / recognition)},
            ),
            ContestantSpec("tesseract", "Tesseract", f"{_WORKERS}.tesseract", program="tesseract"),
        )
    }


BASELINES = {"rapidocr": "RapidOCR", "rapidocr-openvino": "its OpenVINO"}
"""Whose speed others are printed as a multiple of, and how a heading calls them."""
