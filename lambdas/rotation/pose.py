"""How a page stands: which of its four sides is up, and how far its lines lean.

The profile of the ink says along which axis lines run and how far they lean; the network's votes on a few
lines say which way up they are. A page is turned on clear evidence only: nearly all that arrive are upright.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lambdas.rotation.ink import Ink, find_ink
from lambdas.rotation.lines import cut_lines, find_lines
from lambdas.rotation.orientation import LineVotes
from lambdas.rotation.skew import SkewEstimate, refine_skew, search_skew
from ocr_core.contracts.messages import Quadrant

_LINES_ASKED: Final = 12
"""Lines shown to the network."""

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
    """A page read along one axis: how far lines lean, and the sum and number of votes on them."""

    skew: SkewEstimate
    lean: float
    votes: float
    lines: int

    @property
    def is_text(self) -> bool:
        """Whether the network took the lines for text, either way up."""
        return abs(self.votes) >= 3.0 and abs(self.votes) >= 0.25 * self.lines


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
    if balance > _AXIS_CLEAR:
        return _pose(_read(image, ink, across, votes), 0, len(ink.glyphs))
    turned = _read(image, ink.quarter_turned(), down, votes)
    if balance < -_AXIS_CLEAR:
        return _pose(turned, 90, len(ink.glyphs)) if turned.is_text else Pose()
    level = _read(image, ink, across, votes)
    # Votes on lines that are none still add up to something: the axis has to win by both kinds of evidence.
    if turned.is_text and abs(turned.votes) - abs(level.votes) - 2 * balance > 3.0:
        return _pose(turned, 90, len(ink.glyphs))
    return _pose(level, 0, len(ink.glyphs))


def _read(image: NDArray[np.uint8], ink: Ink, skew: SkewEstimate, votes: LineVotes) -> _Reading:
    levelled = ink.turned(-skew.degrees)
    boxes = find_lines(levelled, _LINES_ASKED)
    cast = votes(cut_lines(image, levelled, boxes))
    return _Reading(skew, skew.degrees + refine_skew(levelled.canvas), float(cast.sum()), len(boxes))


def _pose(reading: _Reading, axis: Quadrant, glyphs: int) -> Pose:
    quadrants: tuple[Quadrant, Quadrant] = (0, 180) if axis == 0 else (90, 270)
    on_its_head = (
        reading.votes < 0 if axis else (reading.votes <= -3.0 and reading.votes <= -0.6 * reading.lines)
    )
    quadrant = quadrants[on_its_head]
    sure = (reading.is_text and reading.skew.confidence >= 2.5) or (
        reading.skew.confidence >= 10 and glyphs >= 40
    )
    return Pose(quadrant, reading.lean if sure else 0.0)
