"""How well rotation does on upright documents: `python -m evaluation.rotation FOLDER...`.

Every page is read as it is, where any turn is a false one unless the page was scanned askew, and then turned
by known angles and quarters. Its own lean is taken out of the error; quadrants count on pages of ten lines or
more. Kinds are the names of the folders. OpenCV and the network run on one core.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.errors import OcrError
from hybrid_ocr.contracts.messages import Quadrant
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.opening import DocumentOpener, RawPage
from hybrid_ocr.stages.rotation.geometry import sample, small_turn
from hybrid_ocr.stages.rotation.ink import find_ink
from hybrid_ocr.stages.rotation.lines import find_lines
from hybrid_ocr.stages.rotation.orientation import LineOrientation
from hybrid_ocr.stages.rotation.pose import estimate_pose
from hybrid_ocr.stages.rotation.stage import TOLERANCE, RotationStage

_REACH = 15.0
_ENOUGH_LINES = 10
_QUARTERS: tuple[Quadrant, ...] = get_args(Quadrant)


@dataclass
class Tally:
    """What was seen on the pages of one kind."""

    pages: int = 0
    false_quadrants: list[str] = field(default_factory=list)
    leaning: list[str] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    missed: int = 0
    quadrants: list[bool] = field(default_factory=list)
    estimate_ms: list[float] = field(default_factory=list)
    stage_ms: list[float] = field(default_factory=list)

    def row(self, kind: str) -> str:
        """One line of the report, under `_COLUMNS`."""
        errors = np.array(self.errors or [np.nan])
        cells = [
            self.pages,
            len(self.false_quadrants),
            len(self.leaning),
            f"{errors.mean():.4f}",
            f"{np.median(errors):.4f}",
            f"{np.percentile(errors, 95):.4f}",
            self.missed,
            f"{sum(self.quadrants)}/{len(self.quadrants)}",
            f"{np.median(self.estimate_ms or [np.nan]):.1f}",
            f"{np.median(self.stage_ms or [np.nan]):.1f}",
        ]
        return _line(kind, cells)

    def add(self, other: Tally) -> None:
        """Count another kind in."""
        self.pages += other.pages
        self.missed += other.missed
        for name in ("false_quadrants", "leaning", "errors", "quadrants", "estimate_ms", "stage_ms"):
            getattr(self, name).extend(getattr(other, name))


_COLUMNS = (
    "pages",
    "turned",
    "leaning",
    "mean err",
    "median",
    "p95",
    "missed",
    "quadrant",
    "est. ms",
    "all ms",
)


def _line(kind: str, cells: Sequence[object]) -> str:
    return f"{kind:<14}" + "".join(f"{cell!s:>10}" for cell in cells)


def measure(folders: list[Path], *, turns: int, pages: int, longest: int, seed: int) -> dict[str, Tally]:
    """Measure every document below some folders, by kind.

    Args:
        folders: searched for documents that can be opened; what cannot is left out.
        turns: how often each page is turned by a random angle and quarter.
        pages: the most pages of one document.
        longest: pixels; pages are reduced to this on their longer side.
        seed: of the angles.
    """
    context = StageContext(artifacts_root() / "textline-orientation")
    orientation = LineOrientation.load(context)
    stage = RotationStage(orientation)
    angles = random.Random(seed)  # noqa: S311 - no secret
    tallies: dict[str, Tally] = defaultdict(Tally)
    for kind, name, image in _documents(folders, pages, longest):
        tally = tallies[kind]
        own = estimate_pose(image, orientation)
        tally.pages += 1
        if own.quadrant:
            tally.false_quadrants.append(f"{name}: {own.quadrant}")
        if abs(own.skew) >= TOLERANCE:
            tally.leaning.append(f"{name}: {own.skew:+.2f}")
        many = len(find_lines(find_ink(image), _ENOUGH_LINES)) >= _ENOUGH_LINES
        for _ in range(turns):
            angle, quadrant = angles.uniform(-_REACH, _REACH), angles.choice(_QUARTERS)
            given = _turned(image, angle, quadrant, longest)
            started = time.perf_counter()
            pose = estimate_pose(given, orientation)
            tally.estimate_ms.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            stage.run([RawPage(1, given)])
            tally.stage_ms.append(1000 * (time.perf_counter() - started))
            if many:
                tally.quadrants.append(pose.quadrant == quadrant)
            if pose.skew == 0.0:
                tally.missed += 1
            elif pose.quadrant == quadrant:
                tally.errors.append(abs(pose.skew - angle - own.skew))
    return tallies


def _documents(folders: list[Path], pages: int, longest: int) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """Kind, name and image of every page."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    with DocumentOpener() as opener:
        for path in paths:
            try:
                count = min(pages, opener.inspect(path).page_count)
                for number in range(1, count + 1):
                    image = _reduced(opener.render(path, number).image, longest)
                    yield path.parent.name, f"{path.name} page {number}", image
            except OcrError:
                continue


def _turned(image: NDArray[np.uint8], angle: float, quadrant: Quadrant, longest: int) -> NDArray[np.uint8]:
    """The page leaning by an angle, then so that it has to be turned by `quadrant` to stand upright."""
    back, held = small_turn((image.shape[1], image.shape[0]), angle)
    leaning = _reduced(sample(image, back, held, cubic=True, border=(255, 255, 255)), longest)
    return np.ascontiguousarray(np.rot90(leaning, quadrant // 90))


def _reduced(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Print the figures of some folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--turns", type=int, default=3, help="random turns of each page")
    parser.add_argument("--pages", type=int, default=3, help="the most pages of one document")
    parser.add_argument("--longest", type=int, default=2000, help="pixels of a page's longer side")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    tallies = measure(
        given.folders, turns=given.turns, pages=given.pages, longest=given.longest, seed=given.seed
    )
    print(_line("kind", _COLUMNS))
    whole = Tally()
    for kind, tally in sorted(tallies.items()):
        print(tally.row(kind))
        whole.add(tally)
    print(whole.row("all"))
    for title, names in (("turned by a quarter", whole.false_quadrants), ("leaning", whole.leaning)):
        if names:
            print(f"as given, {title}: " + "; ".join(names))


if __name__ == "__main__":
    main()
