"""The size at which a page is shown to the detection network."""

from __future__ import annotations

from typing import Final

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

_ESTIMATE_SIDE: Final = 1200
_FEWEST_GLYPHS: Final = 10


def working_size(image: NDArray[np.uint8]) -> tuple[int, int]:
    """Width and height to which a page is resized for the network, by the height of its text.

    Args:
        image: the page, (H, W, 3) uint8.

    Returns multiples of 32. The aspect ratio is kept to within that rounding.
    """
    height, width = image.shape[:2]
    long_side, short_side = max(height, width), min(height, width)
    text = text_height(image)
    wanted = _UNSURE if text is None else long_side * _TEXT_HEIGHT / text
    chosen = min(_LONG_SIDES, key=lambda side: abs(side - wanted))
    scale = min(chosen / long_side, max(1.0, _ENLARGED_SHORT_SIDE / short_side))
    return _rounded(width * scale), _rounded(height * scale)


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A page, (H, W, 3) uint8, at the (width, height) of the network.

    Halved by means of 2 x 2 pixels as long as that is possible, the rest linearly: as smooth as means over
    areas of any size, and several times faster.
    """
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _rounded(side: float) -> int:
    return max(STRIDE, round(side / STRIDE) * STRIDE)


def text_height(image: NDArray[np.uint8]) -> float | None:
    """The usual height of letters and joined words in pixels of the page, or None where too few are seen.

    The median over connected components of ink, weighted by their width so that specks count little, on a
    copy reduced to 1,200 pixels.
    """
    height, width = image.shape[:2]
    scale = float(min(1.0, _ESTIMATE_SIDE / max(height, width)))
    reduced = (
        cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    )
    grey = cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY)
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8, ltype=cv2.CV_32S)
    wide, tall, area = (
        stats[1:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    like_text = (
        (tall >= 4)
        & (tall <= grey.shape[0] * 0.1)
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
    median = tall[order][np.searchsorted(reached, reached[-1] / 2)]
    return float(median) / scale
