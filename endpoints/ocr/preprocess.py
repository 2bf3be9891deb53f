"""From the crops of a page to batches of equal width."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr_core.contracts.errors import DocumentError
from ocr_core.contracts.messages import LineCrop
from ocr_core.images import decode_image

HEIGHT: Final = 48
"""Pixels; what PP-OCR recognisers were trained on."""

# The network makes one step of 8 pixels, and a letter of usual width covers three; it needs two. Its time
# goes with the width. Measured: 0.85 costs nothing, 0.7 costs spaces and letters.
_SQUEEZE: Final = 0.85

# Few widths: an engine compiles kernels for each shape, and keeps them.
BUCKETS: Final = (
    *(64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512, 576, 640),
    *(768, 896, 1024, 1280, 1536, 2048, 3072, 4096),
)
# Pixels of width in one batch: more makes a CPU no faster and takes memory.
_BATCH_WIDTH: Final = 2048
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

    Yields the indices of the lines of a batch and the batch (N, 48, W, 3) uint8. N is a power of two and W a
    bucket, so that few shapes occur.
    """
    waiting = sorted(range(len(lines)), key=lambda index: -lines[index].shape[1])
    while waiting:
        width = BUCKETS[bisect.bisect_left(BUCKETS, lines[waiting[0]].shape[1])]
        most = max(1, min(len(waiting), _BATCH_WIDTH // width))
        count = 1 << (most.bit_length() - 1)
        chosen, waiting = waiting[:count], waiting[count:]
        batch = np.full((count, HEIGHT, width, 3), _PADDING, np.uint8)
        for row, index in enumerate(chosen):
            line = lines[index]
            batch[row, :, : line.shape[1]] = line if line.ndim == 3 else line[..., None]
        yield chosen, batch
