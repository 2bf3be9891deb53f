"""From what PicoDet puts out to boxes with labels. NumPy only.

PicoDet (https://arxiv.org/abs/2111.00902) predicts, at every cell of four grids, a score for each class and,
for each side of the box, a distribution over distances (generalised focal loss,
https://arxiv.org/abs/2006.04388): the distance is its expected value, in units of the grid's stride.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Detections:
    """Boxes of one image, best first.

    Attributes:
        boxes: (N, 4) float32, left, top, right, bottom.
        scores: (N,) float32.
        classes: (N,) int64, indices of the network's classes.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        """Some of the detections, in the order asked for."""
        return Detections(self.boxes[index], self.scores[index], self.classes[index])


def decode(
    scores: Sequence[Floats],
    distributions: Sequence[Floats],
    strides: Sequence[int],
    size: tuple[int, int],
    threshold: float,
) -> Detections:
    """Every box of one image whose best class scores more than a threshold, best first.

    Args:
        scores: for each stride (cells, classes), probabilities.
        distributions: for each stride (cells, 4 * bins), logits; sides in the order left, top, right, bottom.
        strides: pixels of the network's input to one cell.
        size: width and height of the network's input.
        threshold: of the score, 0..1.
    """
    found: list[Detections] = []
    for stride, cell_scores, logits in zip(strides, scores, distributions, strict=True):
        best = cell_scores.max(axis=1)
        cells = np.flatnonzero(best > threshold)
        boxes = _boxes(cells, logits[cells], stride, columns=-(-size[0] // stride))
        found.append(Detections(boxes, best[cells], cell_scores[cells].argmax(axis=1)))
    together = Detections(
        np.concatenate([part.boxes for part in found]),
        np.concatenate([part.scores for part in found]),
        np.concatenate([part.classes for part in found]),
    )
    return together.take(np.argsort(-together.scores, kind="stable"))


def _boxes(cells: NDArray[np.intp], logits: Floats, stride: int, columns: int) -> Floats:
    """(N, 4) boxes around the centres of cells that are numbered row by row."""
    sides = logits.reshape(len(cells), 4, logits.shape[1] // 4)
    weights = np.exp(sides - sides.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    distances = weights @ np.arange(sides.shape[2], dtype=np.float32)
    x, y = cells % columns + 0.5, cells // columns + 0.5
    signed = distances * np.array([-1, -1, 1, 1], np.float32)
    return np.asarray((np.stack([x, y, x, y], axis=1) + signed) * stride, np.float32)


def overlaps(boxes: Floats) -> tuple[Floats, Floats]:
    """How every pair of (N, 4) boxes overlaps.

    Returns:
        Intersection over union, and the share of the first that lies in the second: two (N, N) arrays, 0
        where a box has no area.
    """
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    opposite = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.prod(np.maximum(opposite - corner, 0), axis=2)
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    union = areas[:, None] + areas[None, :] - common
    own = np.broadcast_to(areas[:, None], common.shape)
    iou = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    inside = np.divide(common, own, out=np.zeros_like(common), where=own > 0)
    return iou, inside


def suppress(found: Detections, same_class_iou: float, any_class_iou: float) -> Detections:
    """Greedy non-maximum suppression of detections that come best first.

    A box gives way to a better one of its class from one overlap on, and to a better one of any class from a
    higher one on, where both can only mean the same part of the page.
    """
    iou, _ = overlaps(found.boxes)
    same = found.classes[:, None] == found.classes[None, :]
    rivals = np.where(same, iou > same_class_iou, iou > any_class_iou)
    kept = np.ones(len(found), bool)
    for index in range(len(found)):
        if kept[index]:
            kept[index + 1 :] &= ~rivals[index, index + 1 :]
    return found.take(kept)


def absorb_nested(found: Detections, share: float) -> Detections:
    """Let a box take in every smaller one of its class that lies in it with at least that share of its area.

    The host grows to hold both, and takes the better score: what the network saw twice at two sizes, a column
    and a paragraph of it, is one region.
    """
    _, inside = overlaps(found.boxes)
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    same = found.classes[:, None] == found.classes[None, :]
    boxes, scores, kept = found.boxes.copy(), found.scores.copy(), np.ones(len(found), bool)
    by_area = np.argsort(areas, kind="stable")
    for position, index in enumerate(by_area):
        larger = by_area[position + 1 :]
        hosts = larger[same[index, larger] & (inside[index, larger] >= share)]
        if len(hosts):
            host, kept[index] = hosts[-1], False
            boxes[host, :2] = np.minimum(boxes[host, :2], boxes[index, :2])
            boxes[host, 2:] = np.maximum(boxes[host, 2:], boxes[index, 2:])
            scores[host] = max(scores[host], scores[index])
    return Detections(boxes, scores, found.classes).take(kept)
