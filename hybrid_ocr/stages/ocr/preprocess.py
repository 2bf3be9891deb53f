"""From the crops of a page to batches of equal width."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import DocumentError
from hybrid_ocr.contracts.messages import LineCrop
from hybrid_ocr.images import decode_image

HEIGHT: Final = 48
"""Pixels; what PP-OCR recognisers were trained on."""

# The network makes one step of 8 pixels, and a letter of usual width covers three; it needs two. Its time
# goes with the width. Measured: 0.8 costs nothing, 0.75 a little of recall on pages, 0.7 spaces and letters.
_SQUEEZE: Final = 0.8

# Few shapes: an engine compiles kernels for each, and keeps them.
BUCKETS: Final = (
    *range(64, 512, 32),
    *range(512, 1024, 64),
    *range(1024, 1536, 128),
    *(1536, 2048, 3072, 4096),
)
_COUNTS: Final = (1, 2, 4, 8, 16, 32)  # finer ones save 2 % of the time and take 170 MB for their kernels
# Width of all lines of a batch: more makes a CPU no faster and takes memory.
_BATCH_WIDTH: Final = 4096
# What a call costs besides its pixels, in pixels of width: 2.7 ms against 18 us where it was measured.
_CALL_WIDTH: Final = 150
# A line this wide is no text; it is squeezed rather than let one request take all memory.
_WIDEST: Final = 8 * BUCKETS[-1]
_PADDING: Final = 127  # grey: nothing, once normalised


def pixels_of(crop: LineCrop) -> NDArray[np.uint8]:
    """The pixels of a crop, (h, w) or (h, w, 3) uint8.

    Raises:
        DocumentError: the data are not what the crop says.
    """
    if crop.encoding != "raw":
        return decode_image(crop.data, crop.encoding, (crop.width, crop.height))
    if len(crop.data) != crop.height * crop.width * crop.channels:
        raise DocumentError(
            f"crop {crop.line_id} has {len(crop.data)} bytes, "
            f"not {crop.height} x {crop.width} x {crop.channels}"
        )
    shape = (crop.height, crop.width, 3) if crop.channels == 3 else (crop.height, crop.width)
    return np.frombuffer(crop.data, np.uint8).reshape(shape)


def fit(line: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A line at the network's height, squeezed a little; (48, w) or (48, w, 3) uint8."""
    height, width = line.shape[:2]
    fitted = max(1, min(_WIDEST, round(width * HEIGHT / height * _SQUEEZE)))
    shrinks = fitted < width
    resized = cv2.resize(
        line, (fitted, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


def pieces(line: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A line in parts that each fit the widest bucket, cut where it is plainest; nearly always itself."""
    parts = []
    while line.shape[1] > BUCKETS[-1]:
        window = line[:, BUCKETS[-1] * 3 // 4 : BUCKETS[-1]].reshape(HEIGHT, BUCKETS[-1] // 4, -1)
        cut = BUCKETS[-1] * 3 // 4 + int(np.argmin(np.ptp(window, axis=0).max(axis=1)))
        parts.append(line[:, :cut])
        line = line[:, cut:]
    return [*parts, line]


def batches(lines: Sequence[NDArray[np.uint8]]) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """Lines of like width together, whichever page they are of.

    Args:
        lines: (48, w) or (48, w, 3) uint8, w at most the widest bucket.

    Yields the indices of the lines of a batch and the batch (N, 48, W, 3) uint8. W is a bucket, N one of few
    numbers; the last rows are blank where lines run out.
    """
    order = sorted(range(len(lines)), key=lambda index: -lines[index].shape[1])
    for start, count, width in plan([lines[index].shape[1] for index in order]):
        members = order[start : start + count]
        batch = np.full((count, HEIGHT, width, 3), _PADDING, np.uint8)
        for row, index in enumerate(members):
            line = lines[index]
            batch[row, :, : line.shape[1]] = line if line.ndim == 3 else line[..., None]
        yield members, batch


def plan(widths: Sequence[int]) -> list[tuple[int, int, int]]:
    """The cheapest way to cut lines, sorted from wide to narrow, into batches of allowed shapes.

    Found by dynamic programming from the narrowest line on: the cost of a batch is that of a call and of its
    width with all padding. Returns (index of the first line, N, W) of each batch.
    """
    costs = [0] * (len(widths) + 1)
    counts = [1] * len(widths)
    buckets = [BUCKETS[bisect.bisect_left(BUCKETS, width)] for width in widths]
    for start in range(len(widths) - 1, -1, -1):
        costs[start], counts[start] = min(
            (_CALL_WIDTH + count * buckets[start] + costs[min(start + count, len(widths))], count)
            for count in _COUNTS
            if count == 1 or count * buckets[start] <= _BATCH_WIDTH
        )
    batches = []
    start = 0
    while start < len(widths):
        batches.append((start, counts[start], buckets[start]))
        start += counts[start]
    return batches
