"""Where the ink of a line is: its exact box, and the wide gaps at which it falls into several.

A detection network that sees a reduced page knows roughly where a line is. The full page knows exactly, and
looking at one line of it is cheap.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# A gap wider than this many text heights parts two fields (a label and its price), not two words.
_GAP: Final = 1.5
# Justified lines of few words have gaps up to _LOOSE_GAP, all alike; from _WORD_GAP on they part words.
_LOOSE_GAP: Final = 2.5
_LOOSE_GAPS: Final = 3
_WORD_GAP: Final = 0.25
# White kept around the ink, in text heights: people draw boxes a little larger than the letters.
_MARGIN_X: Final = 0.15
_MARGIN_Y: Final = 0.18
# Rows with less than this share of the ink of full rows are specks or parts of the neighbouring lines.
_FAINT_ROW: Final = 0.12
# Dots and accents stand this far from their letters at most, in strip heights.
_ACCENT_GAP: Final = 0.12
_BORDER: Final = 0.08
_LEAST_HEIGHT: Final = 0.35
# Grey levels between ink and paper below which there is nothing to tell them by.
_LEAST_CONTRAST: Final = 30.0


class Span(NamedTuple):
    """A part of a strip, in its pixels; edges may be fractional."""

    left: float
    top: float
    right: float
    bottom: float


def ink_spans(strip: NDArray[np.uint8]) -> list[Span]:
    """The fields of a line.

    Args:
        strip: the rectified line with some surroundings, (h, w) uint8, text from left to right.

    Returns at least one span, from left to right; the whole strip where ink and paper cannot be told apart.
    """
    height, width = strip.shape
    whole = [Span(0.0, 0.0, float(width), float(height))]
    ink = _ink(strip)
    if ink is None:
        return whole
    top, bottom = _rows(ink)
    if bottom - top < _LEAST_HEIGHT * height:
        top, bottom = 0, height
    text = bottom - top
    starts, ends = _runs(cv2.reduce(ink[top:bottom], 0, cv2.REDUCE_MAX)[0])
    if len(starts) == 0:
        return whole
    parted = np.flatnonzero(_parting(starts[1:] - ends[:-1], text))
    lefts = starts[np.concatenate(([0], parted + 1))]
    rights = ends[np.concatenate((parted, [len(ends) - 1]))]
    return [
        Span(
            max(0.0, left - _MARGIN_X * text),
            max(0.0, top - _MARGIN_Y * text),
            min(float(width), right + _MARGIN_X * text),
            min(float(height), bottom + _MARGIN_Y * text),
        )
        for left, right in zip(lefts.tolist(), rights.tolist(), strict=True)
    ]


def _parting(gaps: NDArray[np.intp], text: int) -> NDArray[np.bool_]:
    """Which gaps part fields: the wide ones, but not where a line is set so loosely that all of them are."""
    words = gaps[gaps > _WORD_GAP * text]
    usual = float(np.quantile(words, 0.25)) if len(words) >= _LOOSE_GAPS else 0.0
    return np.asarray(gaps > text * min(_LOOSE_GAP, max(_GAP, 1.5 * usual / text)))


def _ink(strip: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Ones where there is ink, dark or light whichever is rarer; None without contrast."""
    _, dark = cv2.threshold(strip, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = dark if 2 * cv2.countNonZero(dark) <= dark.size else 1 - dark
    if not 0 < cv2.countNonZero(ink) < ink.size:
        return None
    contrast = abs(cv2.mean(strip, ink)[0] - cv2.mean(strip, 1 - ink)[0])
    return np.asarray(ink, np.uint8) if contrast >= _LEAST_CONTRAST else None


def _rows(ink: NDArray[np.uint8]) -> tuple[int, int]:
    """Top and bottom of the line: the run of rows with most ink, with its accents and dots."""
    height = len(ink)
    filled = cv2.reduce(ink, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    full_row = np.partition(filled, int(0.9 * height))[int(0.9 * height)]
    starts, ends = _runs(filled > _FAINT_ROW * full_row)
    if len(starts) == 0:
        return 0, height
    sums = np.concatenate(([0], np.cumsum(filled)))
    heaviest = int(np.argmax(sums[ends] - sums[starts]))
    top, bottom = int(starts[heaviest]), int(ends[heaviest])
    for start, end in zip(starts[:heaviest][::-1].tolist(), ends[:heaviest][::-1].tolist(), strict=True):
        if top - end > _ACCENT_GAP * height or start < _BORDER * height:
            break
        top = start
    for start, end in zip(starts[heaviest + 1 :].tolist(), ends[heaviest + 1 :].tolist(), strict=True):
        if start - bottom > _ACCENT_GAP * height or end > (1 - _BORDER) * height:
            break
        bottom = end
    return top, bottom


def _runs(on: NDArray[np.generic]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and ends (exclusive) of the runs of true values."""
    padded = np.zeros(len(on) + 2, np.int8)
    padded[1:-1] = on != 0
    steps = np.diff(padded)
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
