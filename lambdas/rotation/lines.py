"""A handful of text lines, cut out of a page without a network: letters that nearly touch, smeared."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from lambdas.rotation.geometry import sample, scaling, shift
from lambdas.rotation.ink import Ink

CROP_WIDTH: Final = 192
CROP_HEIGHT: Final = 48
"""Pixels. What the text-line orientation network was trained on."""

_LONGEST_CROP: Final = 8.0
"""Width to height. Longer lines are cut: more letters help the network, squeezed ones do not."""

_MARGIN: Final = 0.1
"""Of the height, around a line. The network was trained on tight crops: at three times this, its votes fail
more than twice as often."""


def find_lines(levelled: Ink, most: int) -> NDArray[np.int32]:
    """Boxes of text lines, the longest first.

    Args:
        levelled: the ink of a page whose lines run across the canvas.
        most: how many lines suffice.

    Returns:
        (N, 4) int32 left, top, width, height on the canvas.
    """
    glyph = levelled.glyph_height
    # About the space between two words: a line hangs together, two columns do not.
    reach = np.ones((1, max(3, round(0.9 * glyph))), np.uint8)
    smeared = cv2.morphologyEx((levelled.canvas > 0).view(np.uint8), cv2.MORPH_CLOSE, reach)
    _, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(smeared, 8, cv2.CV_32S, cv2.CCL_BBDT)
    boxes = stats[1:]
    width, height, area = boxes[:, 2], boxes[:, 3], boxes[:, 4]
    is_line = (height >= max(4.0, 0.8 * glyph)) & (height <= 3 * glyph) & (width >= 3 * height)
    longest = np.argsort(-area[is_line], kind="stable")[:most]
    return np.asarray(boxes[is_line][longest, :4], np.int32)


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
