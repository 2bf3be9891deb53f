"""From the probability map of a DB network to quads.

Differentiable binarisation (Liao et al., AAAI 2020): the network marks a shrunken core of every line; each
core is boxed by its rectangle of least area, which is then grown back by area * ratio / perimeter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import ArtifactError

Quads = NDArray[np.float32]
"""Corners of N lines, (N, 4, 2) float32: clockwise from the top-left."""
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class DbSettings:
    """Settings of the post-processing, as PaddleOCR's inference.yml names them.

    The growth is ours: at the 1.4 of PP-OCRv6 the tails of neighbouring lines are read as accents.
    """

    thresh: float = 0.3
    box_thresh: float = 0.5
    max_candidates: int = 3000
    unclip_ratio: float = 1.25

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Self:
        """The PostProcess section of an inference.yml; raises ArtifactError where it is not of DB."""
        section = config.get("PostProcess")
        if not isinstance(section, dict) or section.get("name") != "DBPostProcess":
            raise ArtifactError("inference.yml has no PostProcess section of name DBPostProcess")
        try:
            return cls(
                thresh=float(section["thresh"]),
                box_thresh=float(section["box_thresh"]),
                max_candidates=int(section["max_candidates"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"PostProcess of inference.yml lacks a usable {error}") from error


def find_quads(
    probabilities: NDArray[np.float32], settings: DbSettings, size: tuple[int, int]
) -> tuple[Quads, Scores]:
    """The lines of one page.

    Args:
        probabilities: the map, (h, w) float32.
        settings: thresholds and growth.
        size: (width, height) of the page, to which the map is scaled.

    Returns quads in page pixels, inside the page, and the mean probability within each core, (N,) float32.
    """
    height, width = probabilities.shape
    core = (probabilities > settings.thresh).view(np.uint8)
    contours, _ = cv2.findContours(core, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads: list[NDArray[np.float32]] = []
    scores: list[float] = []
    for contour in contours[: settings.max_candidates]:
        centre, (side_a, side_b), angle = cv2.minAreaRect(contour)
        # A contour runs through the centres of pixels, so the core is one pixel larger than it.
        side_a, side_b = side_a + 1, side_b + 1
        if min(side_a, side_b) < 3:
            continue
        score = _mean_inside(probabilities, contour)
        if score < settings.box_thresh:
            continue
        growth = (
            settings.unclip_ratio * side_a * side_b / (side_a + side_b)
        )  # both ends: 2 * area / perimeter
        quads.append(cv2.boxPoints((centre, (side_a + growth, side_b + growth), angle)))
        scores.append(score)
    if not quads:
        return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    # Pixel centres to pixel edges, then to the page.
    corners = (np.stack(quads) + 0.5) * np.array([size[0] / width, size[1] / height], np.float32)
    corners = np.clip(corners, 0, np.array(size, np.float32))
    return clockwise_from_top_left(corners), np.array(scores, np.float32)


def _mean_inside(probabilities: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    x, y, w, h = cv2.boundingRect(contour)
    mask = np.zeros((h, w), np.uint8)
    cv2.drawContours(mask, [contour], 0, 1, cv2.FILLED, offset=(-x, -y))
    return float(cv2.mean(probabilities[y : y + h, x : x + w], mask)[0])


def clockwise_from_top_left(quads: NDArray[np.floating]) -> Quads:
    """Order the corners of (N, 4, 2) rectangles, given in any order."""
    centres = quads.mean(axis=1, keepdims=True)
    angles = np.arctan2(quads[..., 1] - centres[..., 1], quads[..., 0] - centres[..., 0])
    around = np.take_along_axis(quads, np.argsort(angles, axis=1)[..., None], axis=1)  # y points down
    # Angles start at the left, so the first corner is the top-left one unless a slope put it last.
    left_upper = np.argmin(around.sum(axis=2), axis=1)
    turn = (left_upper[:, None] + np.arange(4)) % 4
    return np.take_along_axis(around, turn[..., None], axis=1).astype(np.float32)
