"""How a page stands: which of its four sides is up, and how far its lines lean.

The profiles of the page and of its lines say along which axis lines run and how far they lean; the network's
votes on a few lines say which way up they are. A page is turned on clear evidence only: nearly all that
arrive are upright.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.messages import Quadrant
from hybrid_ocr.stages.rotation.ink import Ink, find_ink
from hybrid_ocr.stages.rotation.lines import Lines, cut_lines, find_lines
from hybrid_ocr.stages.rotation.orientation import LineVotes
from hybrid_ocr.stages.rotation.skew import SkewEstimate, refine_skew, search_skew

_LINES_ASKED: Final = 6
_LINES_SHOWN: Final = 30
"""Lines shown to the network at a time, and in all where its votes stay divided."""

_LINES_MOST: Final = 64
"""Lines whose lean is looked at."""

_FAR_OFF: Final = 0.6
"""Degrees. Only columns mislead the search by so much. Lines that still lean that far lean a twentieth more
than they seem to, so they are looked at again."""

_CLEAR: Final = 0.6
_ENOUGH: Final = 4.0
"""Mean and sum of the votes, either way, from which no more lines are shown."""

_FEWEST_GLYPHS: Final = 20
"""Pieces of ink. With fewer there is no text to turn a page by."""

_AXIS_CLEAR: Final = 2.0
"""Natural logarithm of the energy across over that down the page, from which the other axis is not looked at.
Pages of proportional type are at 2 to 5, typewritten ones at -0.1 to 1.5 (244 upright documents)."""


@dataclass(frozen=True)
class Pose:
    """How a page stands.

    Args:
        quadrant: degrees it has to be turned clockwise to stand upright.
        skew: degrees its lines lean clockwise after that; it has to be turned by as much anticlockwise.
    """

    quadrant: Quadrant = 0
    skew: float = 0.0


@dataclass(frozen=True)
class _Reading:
    """A page read along one axis: the search's estimate, the refined angle, and the votes of its lines."""

    skew: SkewEstimate
    lean: float
    votes: NDArray[np.float32]

    @property
    def evidence(self) -> float:
        """Sum of the votes: how much speaks for upright (positive) or for upside down (negative) text."""
        return float(self.votes.sum())

    @property
    def agreement(self) -> float:
        """Mean of the votes, -1 to 1. On pictures and noise it is within 0.5, mostly of one or two lines."""
        return float(self.votes.mean()) if len(self.votes) else 0.0

    @property
    def strength(self) -> float:
        """How much speaks for lines along this axis, 0 to 1; one or two lines are not much, however sure."""
        return abs(self.evidence) / max(len(self.votes), _LINES_ASKED)

    @property
    def is_text(self) -> bool:
        """Whether the network took the lines for text, either way up."""
        return abs(self.evidence) >= 3 and abs(self.agreement) >= 0.25


def estimate_pose(image: NDArray[np.uint8], votes: LineVotes) -> Pose:
    """Estimate how a page stands; upright when in doubt.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        votes: the network's opinion on lines.
    """
    ink = find_ink(image)
    if len(ink.glyphs) < _FEWEST_GLYPHS:
        return Pose()
    across, down = search_skew(ink.canvas, "across"), search_skew(ink.canvas, "down")
    balance = log((across.energy + 1e-6) / (down.energy + 1e-6))
    if balance < -_AXIS_CLEAR:
        plumb = _read(image, ink.quarter_turned(), down, votes)
        return _plumb_pose(plumb) if plumb.is_text else Pose()
    level = _read(image, ink, across, votes)
    if balance > _AXIS_CLEAR or (balance > 0 and level.strength > 0.85):
        return _level_pose(level, len(ink.glyphs))
    plumb = _read(image, ink.quarter_turned(), down, votes)
    # Lines of the wrong axis get votes as well, some of them one-sided: both kinds of evidence are weighed.
    if plumb.is_text and plumb.strength - level.strength > 0.3 + 0.25 * balance:
        return _plumb_pose(plumb)
    return _level_pose(level, len(ink.glyphs))


def _read(image: NDArray[np.uint8], ink: Ink, skew: SkewEstimate, votes: LineVotes) -> _Reading:
    levelled, lines, lean = _level(ink, skew.degrees)
    if abs(lean - skew.degrees) > _FAR_OFF:
        levelled, lines, lean = _level(ink, lean)
    cast = np.empty(0, np.float32)
    for start in range(0, min(len(lines), _LINES_SHOWN), _LINES_ASKED):
        asked = lines.boxes[start : start + _LINES_ASKED]
        cast = np.concatenate([cast, votes(cut_lines(image, levelled, asked))])
        if abs(cast.mean()) >= _CLEAR and abs(cast.sum()) >= _ENOUGH:
            break
    return _Reading(skew, lean, cast)


def _level(ink: Ink, degrees: float) -> tuple[Ink, Lines, float]:
    """The ink turned back by an angle, its lines, and how far they turn out to have leaned."""
    levelled = ink.turned(-degrees)
    lines = find_lines(levelled, _LINES_MOST)
    return levelled, lines, degrees + refine_skew(levelled, lines)


def _level_pose(level: _Reading, glyphs: int) -> Pose:
    """Upright, unless the votes are clear; and the skew, if the page has text."""
    upside_down = level.evidence <= -_ENOUGH and level.agreement <= -0.4
    return Pose(180 if upside_down else 0, level.lean if _is_lean_sure(level, glyphs) else 0.0)


def _is_lean_sure(level: _Reading, glyphs: int) -> bool:
    """Whether the angle is that of lines, not of something in a picture.

    On 55 photographs, charts and patterns the confidence is below 6 from 40 glyphs on, and no votes agree.
    A small block of text on a large page has little confidence, but lines that only its true angle shows.
    """
    confidence = level.skew.confidence
    if level.is_text and (confidence >= 2.5 or (abs(level.evidence) >= 5 and abs(level.agreement) >= 0.85)):
        return True
    return (confidence >= 6.5 and glyphs >= 100) or (confidence >= 10 and glyphs >= 40)


def _plumb_pose(plumb: _Reading) -> Pose:
    """Text runs down or up the page: the better of the two turns."""
    return Pose(270 if plumb.evidence < 0 else 90, plumb.lean)
