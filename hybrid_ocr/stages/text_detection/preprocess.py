"""The part of a page and the size at which it is shown to the detection network."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# The network halves its input five times.
STRIDE: Final = 32

# Text of this height, in pixels, is still found whole: lower loses lines, higher costs time for nothing.
_TEXT_HEIGHT: Final = 12.0

# Few sizes: an engine compiles kernels for each, and keeps them.
_LONG_SIDES: Final = (640, 768, 896, 1024, 1152, 1280, 1440)
_UNSURE: Final = 1152
# Pages are enlarged no further than until their short side has this, as PaddleOCR does.
_ENLARGED_SHORT_SIDE: Final = 736

_SURVEY_SIDE: Final = 1200
_FEWEST_GLYPHS: Final = 10
_LEAST_SPECK: Final = 3
# Blank paper kept around the ink, as a share of the long side. Measured from 0.015 to 0.05: recall on full
# pages is 0.968 to 0.976, more by chance than by trend; 0.03 is as good as the whole page.
_MARGIN: Final = 0.03


class Survey(NamedTuple):
    """What a glance at a page tells.

    `box` is where there is any ink: left, top, right, bottom in pixels, with a margin; the whole page where
    there is none. `text_height` is the usual height of letters and joined words in pixels, None where too few
    are seen.
    """

    box: tuple[int, int, int, int]
    text_height: float | None


def survey(page: NDArray[np.uint8]) -> Survey:
    """Look at the connected components of ink on a copy reduced to 1,200 pixels.

    Args:
        page: (H, W, 3) uint8.
    """
    height, width = page.shape[:2]
    scale = min(1.0, float(_SURVEY_SIDE / max(height, width)))
    reduced = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = resize(np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8), reduced)
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_32S)
    stats = stats[1:]  # the first is the paper
    return Survey(_ink_box(stats / scale, width, height), _median_height(stats, reduced[1], scale))


def _ink_box(stats: NDArray[np.floating], width: int, height: int) -> tuple[int, int, int, int]:
    left, top, wide, tall, area = stats[stats[:, cv2.CC_STAT_AREA] >= _LEAST_SPECK].T
    if len(area) == 0:
        return 0, 0, width, height
    margin = _MARGIN * max(width, height)
    return (
        max(0, int(left.min() - margin)),
        max(0, int(top.min() - margin)),
        min(width, int((left + wide).max() + margin) + 1),
        min(height, int((top + tall).max() + margin) + 1),
    )


def _median_height(stats: NDArray[np.integer], page_height: int, scale: float) -> float | None:
    """The median height of what may be text, weighted by width so that specks count little."""
    wide, tall, area = stats[:, cv2.CC_STAT_WIDTH :].T
    like_text = (
        (tall >= 4)
        & (tall <= page_height * 0.1)
        & (wide >= 2)
        & (wide <= 12 * tall)
        & (tall <= 8 * wide)
        & (area >= 0.15 * wide * tall)
    )
    tall, wide = tall[like_text], np.minimum(wide, 3 * tall)[like_text]
    if len(tall) < _FEWEST_GLYPHS:
        return None
    order = np.argsort(tall)
    reached = np.cumsum(wide[order])
    return float(tall[order][np.searchsorted(reached, reached[-1] / 2)]) / scale


def working_size(width: int, height: int, text_height: float | None) -> tuple[int, int]:
    """Width and height for the network, multiples of 32, at which text of that height is found; in pixels."""
    long_side, short_side = max(height, width), min(height, width)
    wanted = _UNSURE if text_height is None else long_side * _TEXT_HEIGHT / text_height
    chosen = min(_LONG_SIDES, key=lambda side: abs(side - wanted))
    scale = min(chosen / long_side, max(1.0, _ENLARGED_SHORT_SIDE / short_side))
    return _rounded(width * scale), _rounded(height * scale)


def _rounded(side: float) -> int:
    return max(STRIDE, round(side / STRIDE) * STRIDE)


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image, (H, W) or (H, W, 3) uint8, at another (width, height).

    Halved by means of 2 x 2 pixels as long as that is possible, the rest linearly: as smooth as means over
    areas of any size, and several times faster.
    """
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        even = image[: 2 * half[1], : 2 * half[0]]  # OpenCV is fast for a factor of exactly two
        image = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
