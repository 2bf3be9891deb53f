"""Metrics: worked by hand, and the laws they keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import (
    Counts,
    Edits,
    count_edits,
    count_lines,
    count_words,
    letters,
    match,
    overlaps,
    plain,
    words,
)
from evaluation.truth import TruthLine


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def line(text: str, *corners: float) -> TruthLine:
    return TruthLine(box(*corners), text)


sides = st.floats(1, 100)
places = st.floats(-500, 500)
boxes = st.builds(lambda x, y, w, h: box(x, y, x + w, y + h), places, places, sides, sides)


class TestOverlap:
    def test_half_shifted_box_is_a_third(self) -> None:
        assert overlaps([box(0, 0, 10, 10)], [box(5, 0, 15, 10)])[0, 0] == pytest.approx(1 / 3)

    def test_turned_square(self) -> None:
        # A square of side 2 and the diamond inscribed in it: areas 4 and 2.
        diamond = np.array([[1, 0], [2, 1], [1, 2], [0, 1]], float)
        assert overlaps([box(0, 0, 2, 2)], [diamond])[0, 0] == pytest.approx(0.5)

    def test_corners_in_a_crossed_order_mean_the_same_quad(self) -> None:
        crossed = box(0, 0, 10, 4)[[0, 2, 1, 3]]
        assert overlaps([crossed], [box(0, 0, 10, 4)])[0, 0] == pytest.approx(1)

    def test_a_quad_without_area_overlaps_nothing(self) -> None:
        assert overlaps([box(0, 0, 10, 0)], [box(0, 0, 10, 0), box(0, 0, 10, 5)]).tolist() == [[0, 0]]

    def test_nothing_with_nothing(self) -> None:
        assert overlaps([], []).shape == (0, 0)
        assert overlaps([box(0, 0, 1, 1)], []).shape == (1, 0)

    @given(st.lists(boxes, max_size=4), st.lists(boxes, max_size=4))
    def test_is_symmetric_and_between_0_and_1(
        self, first: list[np.ndarray], second: list[np.ndarray]
    ) -> None:
        there, back = overlaps(first, second), overlaps(second, first)
        np.testing.assert_allclose(there, back.T, atol=1e-9)
        assert ((there >= 0) & (there <= 1 + 1e-9)).all()

    @given(boxes)
    def test_with_itself_is_1(self, one: np.ndarray) -> None:
        assert overlaps([one], [one])[0, 0] == pytest.approx(1)


class TestLines:
    def test_one_to_one_so_a_line_cut_in_two_is_found_once_at_most(self) -> None:
        truth = [box(0, 0, 100, 10)]
        assert match(truth, [box(0, 0, 60, 10), box(60, 0, 100, 10)]) == [(0, 0)]
        assert match(truth, [box(0, 0, 50, 10), box(0, 0, 55, 10)]) == [(0, 1)]

    def test_h_mean_by_hand(self) -> None:
        truth = [line("a", 0, 0, 10, 10), line("b", 0, 20, 10, 30), line("c", 0, 40, 10, 50)]
        found = [line("x", 0, 0, 10, 9), line("y", 100, 100, 110, 110)]
        counts = count_lines(truth, found)
        assert counts == Counts(hits=1, truth=3, found=2)
        assert (counts.recall, counts.precision) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
        assert counts.f1 == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))

    @given(st.lists(boxes, unique_by=lambda b: tuple(b.ravel()), max_size=5))
    def test_perfect_reading(self, polygons: list[np.ndarray]) -> None:
        lines = [TruthLine(polygon, "a b") for polygon in polygons]
        assert count_lines(lines, lines).f1 == 1
        assert count_edits(lines, lines).rate == 0

    @given(st.permutations(range(6)))
    def test_the_order_of_lines_does_not_matter(self, order: list[int]) -> None:
        truth = [line(f"line {n}", 0, 20 * n, 100, 20 * n + 15) for n in range(6)]
        found = [line(f"lime {n}", n, 20 * n + n, 100, 20 * n + 15) for n in range(6)]
        shuffled = [found[n] for n in order]
        assert count_lines(truth, shuffled) == count_lines(truth, found)
        assert count_edits(truth, shuffled) == count_edits(truth, found)


class TestEdits:
    def test_rate_by_hand(self) -> None:
        truth = [line("KITTEN", 0, 0, 60, 10), line("NEVER FOUND", 0, 50, 60, 60)]
        found = [line("sitting", 0, 0, 60, 10)]
        assert count_edits(truth, found) == Edits(edits=3, characters=6)
        assert count_edits(truth, found).rate == 0.5

    def test_spaces_and_punctuation_count_only_in_plain_text(self) -> None:
        truth, found = [line("TOTAL: RM 5.00", 0, 0, 60, 10)], [line("Total RM5,00", 0, 0, 60, 10)]
        assert count_edits(truth, found, letters).edits == 0
        assert count_edits(truth, found, plain) == Edits(edits=3, characters=14)

    def test_text_where_none_was(self) -> None:
        assert Edits(0, 0).rate == 0
        assert Edits(3, 0).rate == 1

    def test_rates_are_pooled_not_averaged(self) -> None:
        assert (Edits(1, 10) + Edits(9, 90)).rate == 0.1
        assert (Edits(5, 10) + Edits(0, 90)).rate == 0.05


class TestWords:
    def test_bag_counts_repetitions(self) -> None:
        counts = count_words(["the cat the dog"], ["The cat", "cat."])
        assert counts == Counts(hits=2, truth=4, found=3)

    def test_punctuation_alone_is_no_word(self) -> None:
        assert words(["-- A-4, (b) ..."]) == {"a4": 1, "b": 1}

    @given(st.text(), st.text())
    def test_swapping_truth_and_reading_swaps_recall_and_precision(self, one: str, other: str) -> None:
        there, back = count_words([one], [other]), count_words([other], [one])
        assert (there.recall, there.precision, there.f1) == (back.precision, back.recall, back.f1)

    @given(st.lists(st.text()))
    def test_a_page_read_as_it_is_scores_1(self, texts: list[str]) -> None:
        assert count_words(texts, texts).f1 == 1


@given(st.text())
def test_normal_forms_are_stable(text: str) -> None:
    assert letters(letters(text)) == letters(text)
    assert " ".join(plain(text).split()) == plain(text)


def test_compatibility_forms_are_what_they_stand_for() -> None:
    assert letters("ﬁnd ²³ Straße") == "find23strasse"


def test_blank_page_read_as_blank_is_perfect() -> None:
    assert (Counts().recall, Counts().precision, Counts().f1) == (1, 1, 1)
    assert Counts(hits=0, truth=0, found=2).precision == 0
