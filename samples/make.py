"""Make the sample documents and their truth: `python -m samples.make [folder]`.

Everything is drawn from a fixed seed: with the same versions of the libraries two runs give the same bytes.
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from hybrid_ocr.contracts.geometry import Matrix3x3, apply_matrix, as_matrix, quad_from_array
from hybrid_ocr.contracts.messages import Quadrant
from samples.drawing import article, invoice, letter, receipt, scan
from samples.drawing.sheet import Bounds, Sheet
from samples.drawing.truth import DocumentTruth, TrueLine, TruePage, TrueRegion

_HERE: Final = Path(__file__).parent
_SEED: Final = 1859
_TEXTS: Final = _HERE / "texts"
_EPOCH: Final = time.gmtime(0)


@dataclass(frozen=True)
class Page:
    """A page as it is stored, (H, W, 3) red, green, blue, with where it came from."""

    image: scan.Image
    sheet: Sheet
    drawn_to_stored: Matrix3x3
    quadrant: Quadrant = 0
    skew_degrees: float = 0.0


def make(folder: Path) -> list[Path]:
    """Write every sample document and its truth into the folder; returns the documents."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (pages, encode) in _documents().items():
        document = folder / name
        document.write_bytes(encode(pages))
        truth = _truth(name, pages).model_dump_json(indent=1)
        document.with_suffix(".truth.json").write_text(_one_row_each(truth) + "\n")
        made.append(document)
    return made


def _documents() -> dict[str, tuple[list[Page], Callable[[Sequence[Page]], bytes]]]:
    rng = np.random.default_rng(_SEED)
    first, second, third = article.draw(_TEXTS)
    book = scan.Look(show_through=0.05)
    pages = [
        _scanned(first, book, rng),
        _scanned(second, book, rng, quadrant=90),
        _scanned(third, book, rng, skew=-3.4),
    ]
    (bill,) = invoice.draw()
    (slip,) = receipt.draw()
    (note,) = letter.draw(_TEXTS)
    thermal = scan.Look(paper=(238, 238, 240), blur=0.8, grain=1.6, shade=0.14)
    return {
        "article.pdf": (pages, _pdf),
        "invoice.tif": ([_scanned(bill, scan.Look(grain=9.0, shade=0.04), rng, skew=0.7)], _fax),
        "receipt.png": ([_scanned(slip, thermal, rng, skew=1.6)], _png),
        "letter.jpg": ([_photographed(note, rng)], _jpeg),
    }


def _scanned(
    sheet: Sheet, look: scan.Look, rng: np.random.Generator, *, skew: float = 0.0, quadrant: Quadrant = 0
) -> Page:
    """A sheet as a flatbed scanner sees it: crooked by `skew`, and turned by `quadrant`."""
    page = scan.on_paper(np.asarray(sheet.image), look, rng)
    height, width = page.shape[:2]
    crooked = scan.skew(width, height, skew)
    image, lying = scan.turned(scan.captured(scan.warp(page, crooked, (width, height)), look, rng), quadrant)
    return Page(image, sheet, as_matrix(lying @ crooked), quadrant, skew)


def _photographed(sheet: Sheet, rng: np.random.Generator) -> Page:
    look = scan.Look(paper=(244, 238, 222), blur=0.8, grain=2.5, shade=0.3)
    page = scan.on_paper(np.asarray(sheet.image), look, rng)
    photo, matrix = letter.photograph(page, rng)
    height, width = page.shape[:2]
    middle = apply_matrix(as_matrix(matrix), np.array([(0, height / 2), (width, height / 2)]))
    across, down = middle[1] - middle[0]
    skew = -float(np.degrees(np.arctan2(down, across)))
    return Page(scan.captured(photo, look, rng), sheet, as_matrix(matrix), skew_degrees=skew)


def _pdf(pages: Sequence[Page]) -> bytes:
    first, *rest = [Image.fromarray(page.image).convert("L") for page in pages]
    buffer = io.BytesIO()
    first.save(
        buffer, "PDF", save_all=True, append_images=rest, resolution=article.DPI, quality=55,
        title="On the Origin of Species", creationDate=_EPOCH, modDate=_EPOCH,
    )  # fmt: skip
    return buffer.getvalue()


def _fax(pages: Sequence[Page]) -> bytes:
    (page,) = pages
    black_and_white = Image.fromarray(page.image).convert("L").point(lambda grey: 255 * (grey > 150), "1")
    return _saved(black_and_white, "TIFF", compression="group4", dpi=(invoice.DPI, invoice.DPI))


def _png(pages: Sequence[Page]) -> bytes:
    (page,) = pages
    grey = Image.fromarray(page.image).convert("L")
    # Sixteen greys, as simple scanners store them: a small file although noise does not compress.
    coarse = grey.quantize(16, dither=Image.Dither.NONE)
    return _saved(coarse, "PNG", bits=4, optimize=True, dpi=(receipt.DPI, receipt.DPI))


def _jpeg(pages: Sequence[Page]) -> bytes:
    (page,) = pages
    return _saved(Image.fromarray(page.image), "JPEG", quality=62)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _truth(name: str, pages: Sequence[Page]) -> DocumentTruth:
    described = tuple(_described(number, page) for number, page in enumerate(pages, start=1))
    text = "\f".join("\n".join(line.text for line in page.lines) for page in described)
    return DocumentTruth(source=name, pages=described, text=text)


def _described(number: int, page: Page) -> TruePage:
    height, width = page.image.shape[:2]
    drawn_width, drawn_height = page.sheet.image.size
    return TruePage(
        number=number,
        width=width,
        height=height,
        drawn_width=drawn_width,
        drawn_height=drawn_height,
        drawn_to_stored=as_matrix(np.array(page.drawn_to_stored).round(12)),
        quadrant=page.quadrant,
        skew_degrees=round(page.skew_degrees, 3),
        regions=tuple(
            TrueRegion(id=f"r{index}", label=label, bbox=_rounded(box))
            for index, (label, box) in enumerate(page.sheet.regions)
        ),
        lines=tuple(
            TrueLine(
                id=f"l{index}",
                text=line.text,
                polygon=quad_from_array(_corners(line.box, page.drawn_to_stored)),
                region_id=f"r{line.region}",
            )
            for index, line in enumerate(page.sheet.lines)
        ),
    )


def _one_row_each(text: str) -> str:
    """Indented JSON with every list of numbers on one row, which is how people compare coordinates."""
    return re.sub(r"\[[\s\d.,e\-\[\]]+\]", lambda numbers: re.sub(r"\s+", "", numbers[0]), text)


def _corners(box: Bounds, matrix: Matrix3x3) -> scan.Matrix:
    left, top, right, bottom = box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    return apply_matrix(matrix, corners).round(1)


def _rounded(box: Bounds) -> Bounds:
    left, top, right, bottom = (round(value, 1) for value in box)
    return left, top, right, bottom


def main() -> None:
    """Make the samples in the folder that was named, or in documents/ beside this script."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _HERE / "documents"
    for document in make(folder):
        print(f"{document} {document.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
