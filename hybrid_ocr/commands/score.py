"""How right a result is, against the truth of a test document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluation.bench.scoring import Scores, score
from evaluation.truth import TruthError, TruthPage, read_hocr, read_sample, read_sroie
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.geometry import apply_matrix
from hybrid_ocr.contracts.result import DocumentResult, ResultPage

TRUTH_FORMATS: Final = "NAME.truth.json as of the samples, .csv or .txt of SROIE, .hocr"


def read_truth(path: Path) -> tuple[TruthPage, ...]:
    """The truth of a document, page by page, in the format that its suffix names.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        match path.suffix.lower():
            case ".json":
                return read_sample(path)
            case ".csv" | ".txt":
                return (read_sroie(path),)
            case ".hocr" | ".html":
                return (read_hocr(path),)
    except (TruthError, OSError) as error:
        raise RequestError(f"no truth can be read from {path}: {error}") from error
    raise RequestError(f"{path.name} is no truth that is known: {TRUTH_FORMATS}")


def score_result(truth: Sequence[TruthPage], result: DocumentResult) -> Scores:
    """Compare every page of a result that the truth knows; a page that was lost has found nothing.

    Raises:
        RequestError: the pages of the truth have other proportions.
    """
    known = {page.number: page for page in truth}
    pairs = [(known[page.number], page) for page in result.pages if page.number in known]
    try:
        return sum((_score_page(expected, page) for expected, page in pairs), Scores())
    except TruthError as error:
        raise RequestError(f"the truth is not of this document: {error}") from error


def _score_page(truth: TruthPage, page: ResultPage) -> Scores:
    if page.width is None or page.height is None:
        return score(truth, [])
    if truth.size:
        # Pages turn around their middle, which tells the size of the page as it was opened.
        middle = np.array([[page.width / 2, page.height / 2]])
        width, height = 2 * apply_matrix(page.to_original, middle)[0]
        truth = truth.scaled(round(width), round(height))
    read = [(apply_matrix(page.to_original, np.array(line.polygon)), line.text) for line in page.lines]
    return score(truth, [(corners.tolist(), text) for corners, text in read])


def measures(scores: Scores) -> dict[str, float]:
    """The figures that people compare; see docs/benchmark.md."""
    words = {"word_recall": scores.words.recall, "word_precision": scores.words.precision}
    if not scores.lines.truth:
        return words
    return words | {"line_h_mean": scores.lines.f1, "character_error_rate": scores.edits.rate}


def print_score(scores: Scores, *, as_json: bool) -> None:
    """A table on standard error, or one more line of JSON on standard output."""
    if as_json:
        print(json.dumps({"score": measures(scores)}))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in measures(scores).items():
        table.add_row(Text(name.replace("_", " "), "dim"), f"{value:.4f}")
    Console(stderr=True).print(table)
