"""What a contestant's lines are worth against the truth of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.bench.protocol import Corners
from evaluation.metrics import Counts, Edits, count_edits, count_lines, count_words, letters, plain
from evaluation.truth import TruthLine, TruthPage

_NONE, _NO_EDITS = Counts(), Edits()


@dataclass(frozen=True)
class Scores:
    """Counts that add up over pages; those of a layer that the truth lacks stay zero.

    Args:
        lines: found where they stand.
        edits: character errors in lines that were found, letters and digits alone.
        plain_edits: the same, with spaces and punctuation counted.
        words: bags of words.
    """

    lines: Counts = _NONE
    edits: Edits = _NO_EDITS
    plain_edits: Edits = _NO_EDITS
    words: Counts = _NONE

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.lines + other.lines,
            self.edits + other.edits,
            self.plain_edits + other.plain_edits,
            self.words + other.words,
        )


def score(truth: TruthPage, read: Sequence[tuple[Corners, str]]) -> Scores:
    """Compare what was read with every layer that the truth has."""
    found = [TruthLine(np.array(corners, np.float64), text) for corners, text in read]
    words = count_words(truth.texts, (line.text for line in found))
    if truth.lines is None:
        return Scores(words=words)
    return Scores(
        lines=count_lines(truth.lines, found),
        edits=count_edits(truth.lines, found, letters),
        plain_edits=count_edits(truth.lines, found, plain),
        words=words,
    )
