"""From the quads of a detector to lines: which way they read, what belongs to them, in which order."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.stages.text_detection.crops import Quad, part_of, rectify, sides
from hybrid_ocr.stages.text_detection.ink import ink_spans
from hybrid_ocr.stages.text_detection.postprocess import Quads, Scores

# PaddleOCR's limit from which a box holds text that runs downwards.
_UPRIGHT_RATIO: Final = 1.5
# ... unless it is hardly taller than a line is high: then it holds one narrow letter or digit.
_UPRIGHT_LINES: Final = 2.0
# Surroundings that a crop keeps at a gap, in crop heights.
_CONTEXT: Final = 0.1


class DetectedLine(NamedTuple):
    """A line: its quad from where the text starts, its score 0..1, its pixels (height, w, 3) uint8."""

    quad: Quad
    score: float
    pixels: NDArray[np.uint8]


def cut_lines(page: NDArray[np.uint8], quads: Quads, scores: Scores, height: int) -> list[DetectedLine]:
    """Rectify every quad to a height, shrink it to its ink, part it at wide gaps; from the top downwards."""
    lines: list[DetectedLine] = []
    for quad, score in zip(from_text_start(quads), scores.tolist(), strict=True):
        lines += _fields(page, quad, min(1.0, score), height)
    return in_rows(lines)


def _fields(page: NDArray[np.uint8], quad: Quad, score: float, height: int) -> list[DetectedLine]:
    strip = rectify(page, quad, height)
    width = strip.shape[1]
    fields: list[DetectedLine] = []
    for span in ink_spans(cv2.cvtColor(strip, cv2.COLOR_BGR2GRAY)):
        field = part_of(quad, span.left / width, span.top / height, span.right / width, span.bottom / height)
        # The recogniser wants the surroundings above and below, and does not mind some at the sides.
        start = max(0, int(span.left - _CONTEXT * height))
        end = min(width, int(span.right + _CONTEXT * height) + 1)
        fields.append(DetectedLine(field, score, np.ascontiguousarray(strip[:, start:end])))
    return fields


def from_text_start(quads: Quads) -> Quads:
    """Turn quads of text that runs downwards, so that their first corner is where it starts.

    Args:
        quads: (N, 4, 2), clockwise from the top-left.
    """
    if len(quads) == 0:
        return quads
    measured = np.array([sides(quad) for quad in quads])
    lengths, heights = measured[:, 0], measured[:, 1]
    tall = heights >= _UPRIGHT_RATIO * lengths
    if not tall.all():
        tall &= heights > _UPRIGHT_LINES * np.median(heights[~tall])
    return np.where(tall[:, None, None], np.roll(quads, -1, axis=1), quads)


def in_rows(lines: list[DetectedLine]) -> list[DetectedLine]:
    """Lines from the top downwards; those of one row from the left."""
    centres = {id(line): line.quad.mean(axis=0) for line in lines}
    rows: list[list[DetectedLine]] = []
    row_bottom = -np.inf
    for line in sorted(lines, key=lambda line: float(centres[id(line)][1])):
        middle = float(centres[id(line)][1])
        if middle > row_bottom:
            rows.append([])
            row_bottom = middle + (float(line.quad[:, 1].max()) - middle) / 2
        rows[-1].append(line)
    return [line for row in rows for line in sorted(row, key=lambda line: float(centres[id(line)][0]))]
