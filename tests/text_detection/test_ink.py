"""Where a line parts into fields: at wide gaps, but not between the words of a loosely set line."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid_ocr.stages.text_detection.ink import ink_spans

HEIGHT = 20
"""Pixels of the text in the strips drawn here."""


def strip(*gaps: float) -> NDArray[np.uint8]:
    """Words, three letters each, with gaps of so many text heights between them."""
    pieces = [np.full((48, 20), 255, np.uint8)]
    for gap in (*gaps, 1.0):
        letter = np.full((48, 12), 255, np.uint8)
        letter[14 : 14 + HEIGHT, 1:11] = 20
        pieces += [letter, letter, letter, np.full((48, round(gap * HEIGHT) - 2), 255, np.uint8)]
    return np.hstack(pieces)


@pytest.mark.parametrize(
    ("gaps", "fields"),
    [
        ((0.4, 0.4, 0.4), 1),  # plain words
        ((0.4, 0.4, 3.0), 2),  # a label of words and its price
        ((0.4, 1.8), 2),
        ((2.0, 2.0, 1.9, 2.1), 1),  # justified with few words: all gaps are wide
        ((4.0, 4.0, 4.0, 4.0), 5),  # cells of a table
        ((3.0,), 2),
    ],
)
def test_fields(gaps: tuple[float, ...], fields: int) -> None:
    assert len(ink_spans(strip(*gaps))) == fields


def test_spans_hold_all_the_ink_from_left_to_right() -> None:
    drawn = strip(0.4, 3.0, 0.4)
    columns = np.flatnonzero((drawn < 128).any(axis=0))
    spans = ink_spans(drawn)
    assert all(any(span.left <= column < span.right for span in spans) for column in columns)
    assert [span.left for span in spans] == sorted(span.left for span in spans)


def test_a_blank_strip_stays_whole() -> None:
    assert ink_spans(np.full((48, 200), 255, np.uint8)) == [(0.0, 0.0, 200.0, 48.0)]
