"""A turned page can be traced back to where each of its points came from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.geometry import apply_matrix, as_matrix
from hybrid_ocr.stages.rotation.geometry import quarter_turn, sample, small_turn
from hybrid_ocr.stages.rotation.pose import Pose
from hybrid_ocr.stages.rotation.stage import TOLERANCE, turn_upright

quadrants = st.sampled_from([0, 90, 180, 270])
skews = st.floats(-15, 15)
sides = st.integers(40, 400)


def corners(width: float, height: float) -> np.ndarray:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], float)


@given(sides, sides, quadrants, skews)
def test_nothing_of_the_page_is_lost(width: int, height: int, quadrant: int, skew: float) -> None:
    page = np.full((height, width), 200, np.uint8)
    upright, back, _ = turn_upright(page, Pose(quadrant, skew))
    where = apply_matrix(as_matrix(np.linalg.inv(back)), corners(width, height))
    assert where.min() >= -1e-3
    assert (where.max(axis=0) <= np.array(upright.shape[::-1]) + 1e-3).all()


@given(quadrants, skews, st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)))
def test_a_mark_is_found_again_within_a_fraction_of_a_pixel(
    quadrant: int, skew: float, at: tuple[float, float]
) -> None:
    width, height = 300, 200
    x, y = at[0] * width, at[1] * height
    ys, xs = np.mgrid[:height, :width] + 0.5  # middles of pixels, in the frame of outer corners
    page = (255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 18)).astype(np.uint8)
    upright, back, _ = turn_upright(page, Pose(quadrant, skew))
    moments = cv2.moments(upright)
    mark = np.array([[moments["m10"], moments["m01"]]]) / moments["m00"] + 0.5
    assert apply_matrix(as_matrix(back), mark)[0] == pytest.approx((x, y), abs=0.1)


@given(sides, sides, quadrants)
def test_quarter_turns_keep_every_pixel(width: int, height: int, quadrant: int) -> None:
    page = np.random.default_rng(width * height).integers(0, 255, (height, width), np.uint8)
    upright, back, skew = turn_upright(page, Pose(quadrant, 0.0))
    assert skew == 0
    assert np.array_equal(upright, np.rot90(page, -quadrant // 90))
    # The matrix says the same as the pixels.
    assert np.array_equal(sample(page, back, (upright.shape[1], upright.shape[0])), upright)
    assert sorted(apply_matrix(as_matrix(back), corners(*upright.shape[::-1])).tolist()) == sorted(
        corners(width, height).tolist()
    )


@given(sides, sides, skews)
def test_turning_there_and_back_ends_in_the_middle(width: int, height: int, degrees: float) -> None:
    there, held = small_turn((width, height), degrees)
    back, final = small_turn(held, -degrees)
    middle = apply_matrix(as_matrix(there @ back), np.array([[final[0] / 2, final[1] / 2]]))[0]
    assert middle == pytest.approx((width / 2, height / 2), abs=1e-6)


def test_the_corners_that_appear_are_filled_with_the_colour_of_the_paper() -> None:
    page = np.full((300, 200, 3), (180, 210, 240), np.uint8)
    upright, _, _ = turn_upright(page, Pose(0, 8.0))
    assert np.abs(upright.astype(int) - (180, 210, 240)).max() <= 1


def test_below_the_tolerance_not_a_pixel_is_touched() -> None:
    page = np.full((300, 200), 255, np.uint8)
    upright, _, skew = turn_upright(page, Pose(0, 0.9 * TOLERANCE))
    assert upright is page
    assert skew == 0


def test_a_strip_that_would_become_too_large_when_turned_keeps_its_lean() -> None:
    page = np.zeros((40_000, 50), np.uint8)
    upright, _, skew = turn_upright(page, Pose(90, 5.0))
    assert upright.shape == (50, 40_000)
    assert skew == 0


def test_quarter_turns_of_a_size() -> None:
    assert [quarter_turn((3, 5), quadrant)[1] for quadrant in (0, 90, 180, 270)] == [
        (3, 5),
        (5, 3),
        (3, 5),
        (5, 3),
    ]
