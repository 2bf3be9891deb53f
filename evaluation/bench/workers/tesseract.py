"""Tesseract's command, one process a page, as it is commonly called."""

from __future__ import annotations

import csv
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

from evaluation.bench.protocol import Corners, Reading, serve

_LINE, _WORD = "4", "5"


class Tesseract:
    """English, automatic page segmentation, its own threads."""

    def __init__(self, _settings: dict[str, str]) -> None:
        banner = _tesseract("--version").splitlines()[0]
        self.about: dict[str, Any] = {
            "versions": {"tesseract": banner.removeprefix("tesseract ")},
            "models": {},
            "settings": {"language": "eng"},
        }

    def read(self, path: Path) -> Reading:
        """Read one image."""
        return Reading(parse(_tesseract(str(path), "-", "-l", "eng", "tsv")))


def _tesseract(*arguments: str) -> str:
    run = subprocess.run(["tesseract", *arguments], capture_output=True, text=True, check=True)
    return run.stdout


def parse(table: str) -> list[tuple[Corners, str]]:
    """The lines of Tesseract's TSV: a row for each line's box, then one for each of its words."""
    boxes: dict[tuple[str, ...], Corners] = {}
    words: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        line = (row["page_num"], row["block_num"], row["par_num"], row["line_num"])
        if row["level"] == _LINE:
            left, top, width, height = (float(row[name]) for name in ("left", "top", "width", "height"))
            right, bottom = left + width, top + height
            boxes[line] = [[left, top], [right, top], [right, bottom], [left, bottom]]
        elif row["level"] == _WORD and row["text"].strip():
            words[line].append(row["text"])
    return [(boxes[line], " ".join(texts)) for line, texts in words.items()]


if __name__ == "__main__":
    serve(Tesseract)
