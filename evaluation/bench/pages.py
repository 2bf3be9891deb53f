"""The pages that contestants read, and their truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
from PIL import Image

from evaluation.truth import TruthPage, read_hocr, read_sample, read_sroie
from hybrid_ocr.opening import DocumentOpener

_READ_BY_ALL = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class BenchPage:
    """A page in a file that every contestant can open.

    Args:
        name: what results call it.
        kind: pages of one kind are summed up together: receipts, pages, samples.
        path: a JPEG or PNG file.
        truth: what it says.
    """

    name: str
    kind: str
    path: Path
    truth: TruthPage


def find_pages(folder: Path, scratch: Path) -> list[BenchPage]:
    """The pages of a folder: receipts/ (SROIE), pages/ (hOCR) and NAME.truth.json beside its document.

    Args:
        folder: where the documents are.
        scratch: where pages of PDF and TIFF documents are put, as PNG.

    Raises:
        FileNotFoundError: there is nothing that has a truth.
        TruthError: a truth cannot be read.
        OcrError: a sample cannot be opened.
    """
    found = [
        *_beside(folder / "receipts", ".csv", read_sroie),
        *_beside(folder / "pages", ".hocr", _words_of_hocr),
        *_samples(folder, scratch),
    ]
    if not found:
        raise FileNotFoundError(f"{folder} has no receipts/NAME.csv, pages/NAME.hocr or NAME.truth.json")
    return found


def _beside(folder: Path, suffix: str, read: Callable[[Path], TruthPage]) -> Iterator[BenchPage]:
    for truth in sorted(folder.glob(f"*{suffix}")):
        for image in sorted(truth.parent.glob(f"{truth.stem}.*")):
            if image.suffix.lower() in _READ_BY_ALL:
                yield BenchPage(image.stem, folder.name, image, read(truth))


def _words_of_hocr(path: Path) -> TruthPage:
    # Its lines run across the columns of a table: a matter of taste, so nobody is judged by them.
    return replace(read_hocr(path), lines=None)


def _samples(folder: Path, scratch: Path) -> Iterator[BenchPage]:
    with ExitStack() as stack:
        opener: DocumentOpener | None = None
        for path in sorted(folder.glob("*.truth.json")):
            name = path.name.removesuffix(".truth.json")
            [document] = (file for file in folder.glob(f"{name}.*") if file != path)
            for truth in read_sample(path):
                image = document
                if document.suffix.lower() not in _READ_BY_ALL:
                    opener = opener or stack.enter_context(DocumentOpener())
                    image = scratch / f"{name}-{truth.number}.png"
                    cv2.imwrite(str(image), opener.render(document, truth.number).image)
                with Image.open(image) as opened:
                    yield BenchPage(image.stem, "samples", image, truth.scaled(*opened.size))
