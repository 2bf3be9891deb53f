from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.stages.region_detection.postprocess import (
    Detections,
    absorb_nested,
    decode,
    overlaps,
    suppress,
)

STRIDES = (8, 16, 32, 64)
SIZE = (608, 800)
BINS = 8
CLASSES = 3
CELLS = [-(-SIZE[0] // s) * -(-SIZE[1] // s) for s in STRIDES]


def _blank() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Outputs of a network that sees nothing."""
    scores = [np.zeros((n, CLASSES), np.float32) for n in CELLS]
    return scores, [np.zeros((n, 4 * BINS), np.float32) for n in CELLS]


def _distribution(distance: float) -> np.ndarray:
    """Logits over the bins whose expected value is that distance: all weight on its two neighbours."""
    low = min(int(distance), BINS - 2)
    share = np.full(BINS, 1e-30)
    share[low], share[low + 1] = 1 - (distance - low) + 1e-30, distance - low + 1e-30
    return np.log(share).astype(np.float32)


sides = st.lists(st.floats(0.1, 6.9), min_size=4, max_size=4)


@given(
    level=st.integers(0, 3), cell=st.integers(0, 10**6), distances=sides, label=st.integers(0, CLASSES - 1)
)
def test_a_box_comes_back_from_its_distributions(
    level: int, cell: int, distances: list[float], label: int
) -> None:
    scores, logits = _blank()
    cell %= CELLS[level]
    scores[level][cell, label] = 0.9
    logits[level][cell] = np.concatenate([_distribution(d) for d in distances])
    found = decode(scores, logits, STRIDES, SIZE, 0.5)
    stride = STRIDES[level]
    columns = -(-SIZE[0] // stride)
    x, y = (cell % columns + 0.5) * stride, (cell // columns + 0.5) * stride
    left, top, right, bottom = (d * stride for d in distances)
    assert len(found) == 1
    assert (found.classes[0], found.scores[0]) == (label, np.float32(0.9))
    np.testing.assert_allclose(found.boxes[0], [x - left, y - top, x + right, y + bottom], atol=0.02)


def test_nothing_on_the_page_is_no_box() -> None:
    found = decode(*_blank(), STRIDES, SIZE, 0.5)
    assert len(found) == 0
    assert len(absorb_nested(suppress(found, 0.5, 0.8), 0.8)) == 0


def test_boxes_come_best_first_whatever_their_grid() -> None:
    scores, logits = _blank()
    for level, score in enumerate([0.6, 0.9, 0.45, 0.7]):
        scores[level][3, 1] = score
    found = decode(scores, logits, STRIDES, SIZE, 0.5)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])


boxes = st.tuples(st.integers(0, 90), st.integers(0, 90), st.integers(0, 60), st.integers(0, 60)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    drawn = draw(st.lists(st.tuples(boxes, st.integers(0, 2), st.floats(0.125, 1.0, width=32)), max_size=12))
    drawn.sort(key=lambda item: -item[2])
    return Detections(
        np.array([item[0] for item in drawn], np.float32).reshape(-1, 4),
        np.array([item[2] for item in drawn], np.float32),
        np.array([item[1] for item in drawn], np.int64),
    )


@given(detections())
def test_what_suppression_keeps_does_not_overlap_and_what_it_drops_does(found: Detections) -> None:
    kept = suppress(found, 0.5, 0.8)
    iou, _ = overlaps(kept.boxes)
    same = kept.classes[:, None] == kept.classes[None, :]
    off_diagonal = ~np.eye(len(kept), dtype=bool)
    assert not (off_diagonal & np.where(same, iou > 0.5, iou > 0.8)).any()
    again = suppress(kept, 0.5, 0.8)
    assert len(again) == len(kept)
    if len(found):
        assert kept.scores[0] == found.scores[0], "the best always stays"


@given(detections(), st.floats(0.5, 1.0))
def test_absorbing_loses_no_part_of_the_page(found: Detections, share: float) -> None:
    merged = absorb_nested(found, share)
    for box, label in zip(found.boxes, found.classes, strict=True):
        hosts = merged.boxes[merged.classes == label]
        covers = (hosts[:, :2] <= box[:2]).all(axis=1) & (hosts[:, 2:] >= box[2:]).all(axis=1)
        assert covers.any(), "every box lies whole in one that stayed"
    for label in set(found.classes.tolist()):
        assert merged.scores[merged.classes == label].max() == found.scores[found.classes == label].max()


def _detections(*items: tuple[tuple[int, int, int, int], int, float]) -> Detections:
    return Detections(
        np.array([i[0] for i in items], np.float32),
        np.array([i[2] for i in items], np.float32),
        np.array([i[1] for i in items], np.int64),
    )


def test_one_area_under_two_labels_keeps_the_better() -> None:
    found = _detections(((0, 0, 100, 50), 0, 0.9), ((1, 0, 100, 51), 2, 0.6))
    assert suppress(found, 0.5, 0.8).classes.tolist() == [0]


def test_a_caption_that_reaches_into_its_figure_stays() -> None:
    found = _detections(((0, 0, 100, 100), 0, 0.9), ((0, 80, 100, 100), 1, 0.6))
    assert len(absorb_nested(suppress(found, 0.5, 0.8), 0.8)) == 2


def test_a_paragraph_seen_again_in_its_column_becomes_part_of_it() -> None:
    found = _detections(((10, 80, 90, 104), 0, 0.9), ((0, 0, 100, 100), 0, 0.6))
    merged = absorb_nested(found, 0.8)
    assert merged.boxes.tolist() == [[0, 0, 100, 104]]
    assert merged.scores.tolist() == pytest.approx([0.9])


def test_boxes_without_area_overlap_nothing() -> None:
    iou, inside = overlaps(np.array([[5, 5, 5, 9], [0, 0, 10, 10]], np.float32))
    assert iou.tolist() == [[0, 0], [0, 1]]
    assert inside.tolist() == [[0, 0], [0, 1]]
