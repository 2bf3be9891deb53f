"""From a drawn probability map to quads, without any model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.stages.text_detection.postprocess import DbSettings, clockwise_from_top_left, find_quads

SETTINGS = DbSettings(thresh=0.3, box_thresh=0.5, unclip_ratio=1.5)


def probability_map(*rectangles: tuple[tuple[float, float], tuple[float, float], float]) -> np.ndarray:
    drawn = np.zeros((200, 300), np.float32)
    for rectangle in rectangles:
        cv2.fillPoly(drawn, [cv2.boxPoints(rectangle).astype(np.int32)], 0.9)
    return drawn


def test_core_grows_by_area_times_ratio_over_perimeter() -> None:
    drawn = np.zeros((200, 300), np.float32)
    drawn[100:110, 50:150] = 0.9
    quads, scores = find_quads(drawn, SETTINGS, (300, 200))
    growth = 1.5 * (100 * 10) / (2 * (100 + 10))
    expected = [
        (50 - growth, 100 - growth),
        (150 + growth, 100 - growth),
        (150 + growth, 110 + growth),
        (50 - growth, 110 + growth),
    ]
    np.testing.assert_allclose(quads[0], expected, atol=1e-3)
    assert scores[0] == pytest.approx(0.9)


def test_quads_are_in_pixels_of_the_page() -> None:
    drawn = probability_map(((150, 100), (100, 20), 0))
    small, _ = find_quads(drawn, SETTINGS, (300, 200))
    large, _ = find_quads(drawn, SETTINGS, (600, 800))
    np.testing.assert_allclose(large, small * (2, 4), rtol=1e-5)


@pytest.mark.parametrize("angle", [-30, -8, 5, 20, 40])
def test_turned_line_is_found_turned(angle: float) -> None:
    quads, _ = find_quads(probability_map(((150, 100), (120, 16), angle)), SETTINGS, (300, 200))
    (along,) = quads[:, 1] - quads[:, 0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(angle, abs=2)


def test_weak_and_tiny_cores_are_left_out() -> None:
    drawn = probability_map(((60, 50), (80, 12), 0))
    drawn[120:130, 50:150] = 0.4
    drawn[180, 200] = 1.0
    quads, _ = find_quads(drawn, SETTINGS, (300, 200))
    assert len(quads) == 1


def test_empty_map_has_no_quads() -> None:
    quads, scores = find_quads(np.zeros((64, 64), np.float32), SETTINGS, (64, 64))
    assert quads.shape == (0, 4, 2)
    assert scores.shape == (0,)


def test_quads_stay_inside_the_page() -> None:
    quads, _ = find_quads(np.ones((64, 64), np.float32), SETTINGS, (640, 320))
    assert quads.min() >= 0
    assert (quads.max(axis=(0, 1)) <= (640, 320)).all()


@given(
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    st.floats(12, 100),
    st.floats(4, 10),
    st.floats(-40, 40),
    st.permutations(range(4)),
)
def test_corners_are_ordered_whatever_order_they_come_in(
    centre: tuple[float, float], length: float, height: float, angle: float, order: list[int]
) -> None:
    turn = np.radians(angle)
    along = np.array([np.cos(turn), np.sin(turn)]) * length / 2
    across = np.array([-np.sin(turn), np.cos(turn)]) * height / 2
    expected = np.array([-along - across, along - across, along + across, -along + across]) + centre
    (ordered,) = clockwise_from_top_left(expected[order][None])
    np.testing.assert_allclose(ordered, expected, atol=1e-3)


@pytest.mark.parametrize(
    "section", [None, {}, {"name": "DBPostProcess"}, {"name": "CTCLabelDecode", "thresh": 0.3}]
)
def test_config_of_another_network_is_refused(section: object) -> None:
    with pytest.raises(ArtifactError):
        DbSettings.parse({"PostProcess": section})
