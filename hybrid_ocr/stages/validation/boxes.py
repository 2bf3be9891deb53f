"""Line quads as plain upright boxes, free of the skew that a page has left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.geometry import Quad, quad_from_array
from hybrid_ocr.contracts.messages import Region

Boxes: TypeAlias = NDArray[np.float64]
"""(N, 4) float64: left, top, right, bottom in pixels."""

LIMIT = 1_000_000.0
"""Pixels. Contracts allow any finite coordinate; one beyond this is nonsense, and squares of it overflow."""


def line_boxes(polygons: Sequence[Quad]) -> Boxes:
    """The box of each line after the skew common to all long lines was turned away.

    Rows of a page that leans by half a degree overlap, and its gutters are crossed; turned by the median
    slope of its lines it stands straight.
    """
    corners = np.clip(np.asarray(polygons, np.float64).reshape(-1, 4, 2), -LIMIT, LIMIT)
    slope = _slope(corners)
    corners = corners @ np.array([[1.0, -slope], [slope, 1.0]])
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def bounded(polygon: Quad) -> Quad:
    """A quad whose coordinates are within the limit: the same quad but for garbage."""
    if all(-LIMIT <= value <= LIMIT for point in polygon for value in point):
        return polygon
    return quad_from_array(np.clip(np.asarray(polygon, np.float64), -LIMIT, LIMIT))


def region_boxes(regions: Sequence[Region]) -> Boxes:
    """The boxes of regions, shape (R, 4)."""
    return np.clip(np.asarray([r.bbox for r in regions], np.float64).reshape(-1, 4), -LIMIT, LIMIT)


def heights(boxes: Boxes) -> NDArray[np.float64]:
    """Height of each box, never less than one pixel."""
    return np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)


def widths(boxes: Boxes) -> NDArray[np.float64]:
    """Width of each box, never less than one pixel."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)


def middles(boxes: Boxes) -> NDArray[np.float64]:
    """Vertical middle of each box."""
    return np.asarray((boxes[:, 1] + boxes[:, 3]) / 2)


def _slope(corners: NDArray[np.float64]) -> float:
    """Median rise over run of the lines that are long enough to show one; at most three degrees."""
    across = corners[:, 1] - corners[:, 0]
    down = corners[:, 3] - corners[:, 0]
    long = across[:, 0] > 6 * np.maximum(np.abs(down[:, 1]), 1.0)
    if long.sum() < 3:
        return 0.0
    return float(np.clip(np.median(across[long, 1] / across[long, 0]), -0.05, 0.05))
