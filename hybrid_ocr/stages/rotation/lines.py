"""A handful of text lines, cut out of a page without a network: letters that nearly touch, smeared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.stages.rotation.geometry import sample, scaling, shift
from hybrid_ocr.stages.rotation.ink import CANVAS, Ink

CROP_WIDTH: Final = 192
CROP_HEIGHT: Final = 48
"""Pixels. What the text-line orientation network was trained on."""

_LONGEST_CROP: Final = 8.0
"""Width to height. Longer lines are cut: more letters help the network, squeezed ones do not."""

_MARGIN: Final = 0.1
"""Of the height, around a line. The network was trained on tight crops: at three times this, its votes fail
more than twice as often."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Pieces of text lines, the longest first; none reaches from one column into the next.

    Args:
        boxes: (N, 4) int32 left, top, width, height on the canvas.
        labels: (CANVAS, CANVAS) int32, what each pixel of the smeared canvas hangs together with.
        names: (N,) the label of each piece.
    """

    boxes: NDArray[np.int32]
    labels: NDArray[np.int32]
    names: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)


def find_lines(levelled: Ink, most: int) -> Lines:
    """Find text lines.

    Args:
        levelled: the ink of a page whose lines run across the canvas, give or take two degrees.
        most: how many lines suffice.
    """
    glyph = levelled.glyph_height
    # About the space between two words: a line hangs together, two columns do not.
    reach = np.ones((1, max(3, round(0.9 * glyph))), np.uint8)
    smeared = cv2.morphologyEx((levelled.canvas > 0).view(np.uint8), cv2.MORPH_CLOSE, reach)
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(smeared, 8, cv2.CV_32S, cv2.CCL_BBDT)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    is_line = (height >= max(4.0, 0.8 * glyph)) & (height <= 3 * glyph) & (width >= 3 * height)
    is_line[0] = False
    names = np.flatnonzero(is_line)
    names = names[np.argsort(-area[names], kind="stable")][:most]
    return Lines(np.asarray(stats[names, :4], np.int32), np.asarray(labels, np.int32), names)


def stack_lines(levelled: Ink, lines: Lines, height: int) -> NDArray[np.uint8]:
    """The ink of each line, without that of its neighbours, one below the other.

    Args:
        levelled: the ink that the lines were found on.
        lines: those taller than `height` are left out.
        height: pixels that each line is given.

    Returns:
        (N, height, CANVAS) uint8.
    """
    low = np.flatnonzero(lines.boxes[:, 3] <= height)
    stack = np.zeros((len(low), height, CANVAS), np.uint8)
    for row, line in zip(stack, low, strict=True):
        left, top, wide, tall = lines.boxes[line]
        box = np.s_[top : top + tall, left : left + wide]
        np.multiply(
            levelled.canvas[box], lines.labels[box] == lines.names[line], row[:tall, left : left + wide]
        )
    return stack


def cut_lines(image: NDArray[np.uint8], levelled: Ink, boxes: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The lines as the network wants them, read from the page's own pixels in one step.

    Args:
        image: the page, (H, W) or (H, W, 3) uint8.
        levelled: the ink that the boxes were found on.
        boxes: of `find_lines`.

    Returns:
        (N, CROP_HEIGHT, CROP_WIDTH, 3) uint8; what a short line leaves free is mid-grey.
    """
    crops = np.full((len(boxes), CROP_HEIGHT, CROP_WIDTH, 3), 128, np.uint8)
    for crop, (left, top, width, height) in zip(crops, boxes.astype(float), strict=True):
        margin = _MARGIN * height
        tall = height + 2 * margin
        wide = min(width + 2 * margin, _LONGEST_CROP * tall)
        used = min(CROP_WIDTH, round(CROP_HEIGHT * wide / tall))
        back = (
            levelled.to_page @ shift(left - margin, top - margin) @ scaling(wide / used, tall / CROP_HEIGHT)
        )
        line = sample(image, back, (used, CROP_HEIGHT), cubic=True)
        crop[:, :used] = line if line.ndim == 3 else line[:, :, np.newaxis]
    return crops
