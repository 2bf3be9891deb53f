"""How a page stands is seen from its lines; without lines, it is taken to be upright."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.stages.rotation.pose import Pose, estimate_pose
from tests.rotation.pages import Page, pages_without_text, text_page, turned

FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
ACCURACY = 0.05


def no_opinion(crops: np.ndarray) -> np.ndarray:
    return np.zeros(len(crops), np.float32)


def all_upright(crops: np.ndarray) -> np.ndarray:
    return np.ones(len(crops), np.float32)


def lean(page: Page) -> float:
    return estimate_pose(page, all_upright).skew


@FEW
@given(st.floats(-15, 15), st.integers(0, 99), st.sampled_from([1, 2]))
def test_a_page_turned_by_an_angle_leans_by_that_angle(angle: float, seed: int, columns: int) -> None:
    assert lean(turned(text_page(seed, columns=columns), angle)) == pytest.approx(angle, abs=ACCURACY)


@FEW
@given(st.floats(0.3, 15), st.integers(0, 99))
def test_a_mirrored_page_leans_the_other_way(angle: float, seed: int) -> None:
    page = turned(text_page(seed), angle)
    assert lean(np.ascontiguousarray(page[:, ::-1])) == pytest.approx(-lean(page), abs=ACCURACY)


@pytest.mark.parametrize("offsets", [(0, 13), (0, 7), (0, 13, 0), (0, 9, 18), (0, 7, 13, 20)])
@pytest.mark.parametrize("angle", [-12.4, -1.7, 0.0, 3.1, 14.6])
def test_columns_whose_lines_are_not_level_with_each_other_do_not_interlock(
    offsets: tuple[int, ...], angle: float
) -> None:
    page = text_page(4, lines=56, columns=len(offsets), size=18, offsets=offsets)
    assert lean(turned(page, angle)) == pytest.approx(angle, abs=0.1)


def test_the_columns_of_the_sample_article_lean_as_they_were_drawn() -> None:
    article = Path(__file__).parents[2] / "samples" / "documents" / "article.pdf"
    truth = json.loads(article.with_suffix(".truth.json").read_text())["pages"]
    with DocumentOpener() as opener:
        for page in truth:
            pose = estimate_pose(opener.render(article, page["number"]).image, all_upright)
            # The truth is the turn that a page needs.
            assert pose.skew == pytest.approx(-page["skew_degrees"], abs=0.1), page["number"]


def shadowed(page: Page) -> Page:
    return np.asarray(page * np.linspace(0.3, 1, page.shape[1]), np.uint8)


def bordered(page: Page) -> Page:
    return np.pad(page, ((0, 120), (150, 40)), constant_values=10)


def faint(page: Page) -> Page:
    return np.asarray(150 + page * 0.2, np.uint8)


def faxed(page: Page) -> Page:
    return np.where(
        cv2.resize(page, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA) < 160, 0, 255
    ).astype(np.uint8)


def grainy(page: Page) -> Page:
    return (page + np.random.default_rng(0).normal(0, 20, page.shape)).clip(0, 255).astype(np.uint8)


def inverted(page: Page) -> Page:
    return 255 - page


@pytest.mark.parametrize("spoil", [shadowed, bordered, faint, faxed, grainy, inverted])
def test_bad_scans_lean_by_the_same_angle(spoil: Callable[[Page], Page]) -> None:
    for angle in (-11.3, 0.0, 4.2):
        assert lean(spoil(turned(text_page(7), angle))) == pytest.approx(angle, abs=2 * ACCURACY)


@pytest.mark.parametrize("angle", [-14.0, -3.0, 0.0, 6.5])
@pytest.mark.parametrize("quarter", [1, 3])
def test_lines_down_the_page_are_seen_and_their_lean_kept(angle: float, quarter: int) -> None:
    sideways = np.ascontiguousarray(np.rot90(turned(text_page(3), angle), quarter))
    pose = estimate_pose(sideways, all_upright)
    assert pose.quadrant == 90
    assert pose.skew == pytest.approx(angle, abs=ACCURACY)


def test_without_an_opinion_of_the_network_no_quadrant_is_turned() -> None:
    for quarter in range(4):
        page = np.ascontiguousarray(np.rot90(text_page(5), quarter))
        assert estimate_pose(page, no_opinion).quadrant == 0


def test_divided_votes_turn_no_page_upside_down() -> None:
    def divided(crops: np.ndarray) -> np.ndarray:
        votes = np.full(len(crops), -1.0, np.float32)
        votes[: int(0.4 * len(crops))] = 1
        return votes

    assert estimate_pose(text_page(5), divided).quadrant == 0


@pytest.mark.parametrize("name", pages_without_text())
def test_a_page_without_text_is_left_alone_whatever_the_network_believes(name: str) -> None:
    page = pages_without_text()[name]
    assert estimate_pose(page, no_opinion) == Pose()
    assert estimate_pose(np.ascontiguousarray(np.rot90(page)), no_opinion) == Pose()


def test_colour_is_read_like_grey() -> None:
    grey = turned(text_page(2), 5)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    assert estimate_pose(colour, all_upright).skew == pytest.approx(
        estimate_pose(grey, all_upright).skew, abs=0.01
    )
