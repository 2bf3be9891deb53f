"""Lines cut out of a page: rectified, turned to read from left to right, packed into messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.messages import LineCrop
from hybrid_ocr.images import encode_image

Quad = NDArray[np.float32]
"""(4, 2) float32, clockwise from the corner where the text starts."""


def sides(quad: Quad) -> tuple[float, float]:
    """Length and height of a line in page pixels: of each pair of opposite sides the longer."""
    a, b, c, d = quad
    length = max(np.linalg.norm(b - a), np.linalg.norm(c - d))
    height = max(np.linalg.norm(d - a), np.linalg.norm(c - b))
    return float(length), float(height)


def rectify(page: NDArray[np.uint8], quad: Quad, height: int) -> NDArray[np.uint8]:
    """The line in a quad as (height, w, 3) uint8, its proportions kept; w is at least 1."""
    length, across = sides(quad)
    width = max(1, round(length * height / max(across, 1.0)))
    box = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    # OpenCV has its origin at the centre of the first pixel, quads have it at the pixel's corner.
    matrix = cv2.getPerspectiveTransform(quad - 0.5, box - 0.5)
    line = cv2.warpPerspective(
        page, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(line, np.uint8)


def part_of(quad: Quad, left: float, top: float, right: float, bottom: float) -> Quad:
    """The part of a quad between fractions of its length and height."""
    a, b, c, d = quad.astype(np.float64)

    def at(x: float, y: float) -> NDArray[np.float64]:
        return np.asarray((a * (1 - x) + b * x) * (1 - y) + (d * (1 - x) + c * x) * y)

    corners = [at(left, top), at(right, top), at(right, bottom), at(left, bottom)]
    return np.stack(corners).astype(np.float32)


def pack(lines: Sequence[tuple[str, NDArray[np.uint8]]], byte_budget: int) -> tuple[LineCrop, ...]:
    """Rectified lines as crops that together stay within a budget where that is possible.

    Args:
        lines: (id, pixels (h, w, 3) uint8) of each line.
        byte_budget: bytes all crops of a page should take. Colour is kept while it fits; then grey, which
            recognisers read as well; then grey JPEG.
    """
    pixels = sum(line.shape[0] * line.shape[1] for _, line in lines)
    if 3 * pixels <= byte_budget:
        return tuple(_crop(name, line, "raw") for name, line in lines)
    encoding: Literal["raw", "jpeg"] = "raw" if pixels <= byte_budget else "jpeg"
    return tuple(_crop(name, cv2.cvtColor(line, cv2.COLOR_BGR2GRAY), encoding) for name, line in lines)


def _crop(name: str, line: NDArray[np.uint8], encoding: Literal["raw", "jpeg"]) -> LineCrop:
    return LineCrop(
        line_id=name,
        width=line.shape[1],
        height=line.shape[0],
        channels=3 if line.ndim == 3 else 1,
        encoding=encoding,
        data=line.tobytes() if encoding == "raw" else encode_image(line, "jpeg", quality=95),
    )
