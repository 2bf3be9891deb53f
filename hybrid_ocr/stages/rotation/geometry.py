"""Turns of a page as matrices between frames.

Every matrix here is (3, 3) float64 and carries points of the turned frame back to the frame that was turned:
the way an image is sampled, and the way a page remembers where it came from. Points are in pixels, with the
origin at the outer corner of the top-left pixel. Angles are degrees, positive clockwise as seen on the page.
"""

from __future__ import annotations

from math import ceil, cos, radians, sin
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.messages import Quadrant

Matrix = NDArray[np.float64]
Size = tuple[int, int]
"""Width and height in pixels."""

_QUARTERS: Final[dict[Quadrant, int]] = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def scaling(x: float, y: float) -> Matrix:
    """From a frame whose pixels are x times as wide and y times as high."""
    return np.diag([x, y, 1.0])


def shift(x: float, y: float) -> Matrix:
    """From a frame whose origin stands at (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def quarter_turn(size: Size, quadrant: Quadrant) -> tuple[Matrix, Size]:
    """Back from a page of this size after whole quarter turns clockwise, and its size then."""
    width, height = size
    if quadrant == 90:
        return np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, height], [0.0, 0.0, 1.0]]), (height, width)
    if quadrant == 180:
        return np.array([[-1.0, 0.0, width], [0.0, -1.0, height], [0.0, 0.0, 1.0]]), size
    if quadrant == 270:
        return np.array([[0.0, -1.0, width], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), (height, width)
    return np.eye(3), size


def small_turn(size: Size, degrees: float) -> tuple[Matrix, Size]:
    """Back from a page of this size turned about its middle, on a page that holds all of it; and its size."""
    width, height = size
    c, s = cos(radians(degrees)), sin(radians(degrees))
    # A whole number of pixels; the margin keeps 1e-12 too much from costing one.
    held = (
        ceil(width * abs(c) + height * abs(s) - 1e-6),
        ceil(width * abs(s) + height * abs(c) - 1e-6),
    )
    back = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return shift(width / 2, height / 2) @ back @ shift(-held[0] / 2, -held[1] / 2), held


def sample(
    image: NDArray[np.uint8],
    back: Matrix,
    size: Size,
    *,
    cubic: bool = False,
    border: int | tuple[int, ...] | None = None,
) -> NDArray[np.uint8]:
    """The pixels of a frame of this size, each read from where `back` finds it in the image.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        back: affine, from the new frame to the image's.
        size: of the new frame.
        cubic: whether to interpolate between 4 x 4 pixels, which keeps edges sharper, instead of 2 x 2.
        border: value outside the image; None repeats its outermost pixels.
    """
    # OpenCV counts from the middle of the top-left pixel.
    centred = (shift(-0.5, -0.5) @ back @ shift(0.5, 0.5))[:2]
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    if border is None:
        return np.asarray(
            cv2.warpAffine(image, centred, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
    return np.asarray(cv2.warpAffine(image, centred, size, flags=flags, borderValue=border), np.uint8)


def rotate_quarter(image: NDArray[np.uint8], quadrant: Quadrant) -> NDArray[np.uint8]:
    """The image after whole quarter turns clockwise, every pixel kept as it is."""
    return np.asarray(cv2.rotate(image, _QUARTERS[quadrant]), np.uint8) if quadrant else image
