"""Points, boxes, quads and the matrices between page frames.

One frame is used everywhere: pixels of the *upright* page, x to the right, y down, origin at the outer
corner of the top-left pixel. A page keeps the 3x3 matrix from there back to the page as it was opened.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, FiniteFloat

Point = tuple[FiniteFloat, FiniteFloat]
Quad = tuple[Point, Point, Point, Point]
"""Four corners, clockwise on the page from the one where the text starts (top-left of upright text)."""

Row = tuple[FiniteFloat, FiniteFloat, FiniteFloat]
Matrix3x3 = tuple[Row, Row, Row]
IDENTITY: Matrix3x3 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _ordered(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    if right < left or bottom < top:
        raise ValueError(
            f"a box is (left, top, right, bottom) with left <= right and top <= bottom, not {box}"
        )
    return box


Box = Annotated[
    tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat],
    AfterValidator(_ordered),
    Field(description="left, top, right, bottom"),
]


def as_matrix(array: NDArray[np.floating]) -> Matrix3x3:
    """A (3, 3) array as the tuples that messages carry."""
    if array.shape != (3, 3):
        raise ValueError(f"expected a 3x3 matrix, got shape {array.shape}")
    first, second, third = ((float(row[0]), float(row[1]), float(row[2])) for row in array)
    return first, second, third


def apply_matrix(matrix: Matrix3x3, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Carry points, shape (N, 2), through a homography. Returns float64 of the same shape."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ np.asarray(matrix, np.float64).T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:3], np.float64)


def quad_from_array(array: NDArray[np.floating]) -> Quad:
    """A (4, 2) array as the tuples that messages carry."""
    if array.shape != (4, 2):
        raise ValueError(f"expected four corners, got shape {array.shape}")
    a, b, c, d = ((float(x), float(y)) for x, y in array)
    return a, b, c, d


def bounding_box(quad: Quad) -> tuple[float, float, float, float]:
    """The upright box around a quad: left, top, right, bottom."""
    xs, ys = [x for x, _ in quad], [y for _, y in quad]
    return min(xs), min(ys), max(xs), max(ys)
