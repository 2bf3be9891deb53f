"""Ground truth, in layers: regions, lines, words, text, and how the page was turned.

A layer that a source does not have is None, which is not the same as an empty one: a page may truly hold no
table. Later stages are judged on the layers they make, so an error can be traced to the stage that made it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.geometry import Box, apply_matrix
from hybrid_ocr.contracts.messages import Label
from hybrid_ocr.contracts.result import Rotation


class TruthError(ValueError):
    """A file of ground truth does not follow its format."""


@dataclass(frozen=True, eq=False)
class TruthLine:
    """A line of text; `polygon` is float64 of shape (4, 2), in pixels of the page as it was scanned."""

    polygon: NDArray[np.float64]
    text: str


@dataclass(frozen=True)
class TruthWord:
    """A word and the box around it: left, top, right, bottom."""

    box: Box
    text: str


@dataclass(frozen=True, eq=False)
class TruthRegion:
    """A labelled area; `polygon` is float64 of shape (4, 2), in pixels of the page as it was scanned."""

    label: Label
    polygon: NDArray[np.float64]


@dataclass(frozen=True)
class TruthPage:
    """What is known about one page, layer by layer."""

    number: int = 1
    size: tuple[int, int] | None = None
    """Width and height of the page that the coordinates belong to."""
    rotation: Rotation | None = None
    regions: tuple[TruthRegion, ...] | None = None
    lines: tuple[TruthLine, ...] | None = None
    words: tuple[TruthWord, ...] | None = None

    def scaled(self, width: int, height: int) -> TruthPage:
        """The same page with other pixels, as when a PDF is rendered at another resolution.

        Raises:
            TruthError: the size of this page is not known, or its proportions are others.
        """
        if self.size is None:
            raise TruthError(f"page {self.number}: its size is not known")
        scale = np.array([width / self.size[0], height / self.size[1]])
        if abs(scale[0] / scale[1] - 1) > 0.01:
            raise TruthError(f"page {self.number} is {width} x {height} and should be like {self.size}")

        def moved(box: Box) -> Box:
            left, top, right, bottom = box
            return left * scale[0], top * scale[1], right * scale[0], bottom * scale[1]

        return replace(
            self,
            size=(width, height),
            regions=self.regions
            and tuple(replace(part, polygon=part.polygon * scale) for part in self.regions),
            lines=self.lines and tuple(replace(line, polygon=line.polygon * scale) for line in self.lines),
            words=self.words and tuple(replace(word, box=moved(word.box)) for word in self.words),
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of the page, in pieces of which none cuts a word."""
        return tuple(piece.text for piece in (self.lines if self.words is None else self.words) or ())


def read_sroie(path: Path) -> TruthPage:
    """Lines of an ICDAR 2019 SROIE receipt: `x1,y1,...,x4,y4,text`, where the text may hold commas.

    Raises:
        TruthError: on a row that is not eight numbers and a text.
    """
    rows = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return TruthPage(lines=tuple(_sroie_line(path, row) for row in rows if row.strip()))


def _sroie_line(path: Path, row: str) -> TruthLine:
    *corners, text = row.split(",", maxsplit=8)
    try:
        return TruthLine(np.array(corners, np.float64).reshape(4, 2), text.strip())
    except ValueError as error:
        raise TruthError(f"{path.name}: not eight numbers and a text: {row[:60]!r}") from error


def read_hocr(path: Path) -> TruthPage:
    """Words (`ocrx_word`) and lines (`ocr_line`) of the first page of an hOCR file.

    A line without words is an empty mark of the tool that wrote it, and is left out.

    Raises:
        TruthError: on a file that is not XML or an element without a box.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - files of our own making, not of users
    except ElementTree.ParseError as error:
        raise TruthError(f"{path.name}: {error}") from error
    words: list[TruthWord] = []
    lines: list[TruthLine] = []
    for line in _of_class(root, "ocr_line"):
        own = [TruthWord(_hocr_box(path, word), _text(word)) for word in _of_class(line, "ocrx_word")]
        words += own
        if own:
            lines.append(TruthLine(_corners(_hocr_box(path, line)), " ".join(word.text for word in own)))
    return TruthPage(lines=tuple(lines), words=tuple(words))


def _of_class(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (element for element in root.iter() if name in element.get("class", "").split())


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext()).strip()


def _hocr_box(path: Path, element: ElementTree.Element) -> Box:
    found = re.search(r"\bbbox((?:\s+-?[\d.]+){4})", element.get("title", ""))
    if found is None:
        raise TruthError(f"{path.name}: {element.get('id', element.tag)} has no bbox")
    left, top, right, bottom = map(float, found[1].split())
    return left, top, right, bottom


def _corners(box: Box) -> NDArray[np.float64]:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


PUBLAYNET_LABELS: dict[str, Label] = {
    "text": "text",
    "title": "title",
    "list": "list",
    "table": "table",
    "figure": "figure",
}


def read_publaynet(path: Path) -> dict[str, TruthPage]:
    """Regions by file name, from annotations in the COCO format with PubLayNet's five categories.

    Raises:
        TruthError: on a file that is not such JSON.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
        labels = {kind["id"]: PUBLAYNET_LABELS[kind["name"]] for kind in data["categories"]}
        regions: dict[str, list[TruthRegion]] = defaultdict(list)
        for mark in data["annotations"]:
            left, top, width, height = map(float, mark["bbox"])
            polygon = _corners((left, top, left + width, top + height))
            regions[names[mark["image_id"]]].append(TruthRegion(labels[mark["category_id"]], polygon))
    except (ValueError, KeyError, TypeError) as error:
        raise TruthError(f"{path.name}: not PubLayNet annotations: {error!r}") from error
    return {name: TruthPage(regions=tuple(regions[name])) for name in names.values()}


def read_sample(path: Path) -> tuple[TruthPage, ...]:
    """Every layer of one sample document of this repository, from its NAME.truth.json.

    Raises:
        TruthError: on a file that is not such JSON.
    """
    try:
        return tuple(_sample_page(page) for page in json.loads(path.read_bytes())["pages"])
    except (ValueError, KeyError, TypeError) as error:
        raise TruthError(f"{path.name}: not the truth of a sample: {error!r}") from error


def _sample_page(page: dict[str, Any]) -> TruthPage:
    def stored(box: Box) -> NDArray[np.float64]:
        return apply_matrix(page["drawn_to_stored"], _corners(box))

    return TruthPage(
        number=page["number"],
        size=(page["width"], page["height"]),
        rotation=Rotation(quadrant=page["quadrant"], skew_degrees=page["skew_degrees"]),
        regions=tuple(TruthRegion(region["label"], stored(region["bbox"])) for region in page["regions"]),
        lines=tuple(TruthLine(np.array(line["polygon"], np.float64), line["text"]) for line in page["lines"]),
    )
