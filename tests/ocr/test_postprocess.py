"""CTC decoding, by hand-made steps and by laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.stages.ocr.postprocess import NO_TEXT, DecodedLine, alphabet, decode, joined

SYMBOLS = ["", *"ab3.(", " "]
SPACE = len(SYMBOLS) - 1
CLASS = {symbol: index for index, symbol in enumerate(SYMBOLS)}


def read(steps: str, spaces: dict[int, float] | None = None, sure: float = 0.9) -> DecodedLine:
    """Steps as letters, `-` the blank; spaces: probability of a space at a step."""
    classes = np.array([CLASS.get(step, 0) for step in steps], np.int32)
    likely = np.zeros(len(steps), np.float32)
    for step, value in (spaces or {}).items():
        likely[step] = value
    return decode(classes, np.full(len(steps), sure, np.float32), likely, SYMBOLS)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("aab", "ab"),
        ("a-a", "aa"),
        ("--a--b--", "ab"),
        ("a b", "a b"),
        ("----", ""),
        ("", ""),
        (" a- ", "a"),
        ("  ", ""),
    ],
)
def test_repeats_and_blanks_say_nothing(steps: str, text: str) -> None:
    assert read(steps).text == text


def test_likely_space_between_letters_parts_words() -> None:
    assert read("a--(", {1: 0.3}).text == "a ("
    assert read("a--(", {1: 0.01}).text == "a("


def test_likely_space_is_not_doubled_beside_one_that_won() -> None:
    assert read("a- -b", {1: 0.4, 3: 0.4}).text == "a b"


def test_number_is_not_torn_at_its_point() -> None:
    assert read("3-.-3", {1: 0.5, 3: 0.5}).text == "3.3"
    assert read("a-.-3", {3: 0.5}).text == "a. 3"


def test_confidence_is_the_mean_of_the_characters() -> None:
    classes = np.array([1, 1, 0, 2], np.int32)
    said = decode(classes, np.array([0.5, 0.9, 1.0, 0.7]), np.zeros(4), SYMBOLS)
    assert said.characters == (0.5, 0.7)
    assert said.confidence == pytest.approx(0.6)


def test_nothing_said_has_no_confidence() -> None:
    assert read("---") == NO_TEXT == DecodedLine("", 0.0, ())


@given(
    st.lists(st.tuples(st.integers(0, SPACE), st.floats(0, 1.0001), st.floats(0, 1)), min_size=0, max_size=40)
)
def test_every_character_has_a_probability_and_text_has_no_outer_space(
    steps: list[tuple[int, float, float]],
) -> None:
    classes, probabilities, spaces = (
        (np.array(column) for column in zip(*steps, strict=True))
        if steps
        else (
            np.zeros(0, int),
            np.zeros(0),
            np.zeros(0),
        )
    )
    said = decode(classes, probabilities, spaces, SYMBOLS)
    assert len(said.characters) == len(said.text)
    assert said.text == said.text.strip(" ")
    assert all(0 <= value <= 1 for value in (*said.characters, said.confidence))
    # Without its spaces it is what plain CTC decoding says.
    kept = [c for at, c in enumerate(classes) if c != 0 and (at == 0 or c != classes[at - 1])]
    assert said.text.replace(" ", "") == "".join(SYMBOLS[c] for c in kept).replace(" ", "")


@given(st.text("ab3.(", min_size=1, max_size=20), st.integers(1, 4), st.integers(1, 3))
def test_text_survives_any_pace(text: str, held: int, gap: int) -> None:
    assert read("".join(symbol * held + "-" * gap for symbol in text)).text == text


def test_parts_of_a_cut_line_are_joined_by_a_space() -> None:
    whole = joined([DecodedLine("ab", 0.5, (0.4, 0.6)), NO_TEXT, DecodedLine("c", 0.8, (0.8,))])
    assert whole.text == "ab c"
    assert whole.characters == (0.4, 0.6, 0.6, 0.8)
    assert joined([]) == joined([NO_TEXT]) == NO_TEXT


def test_alphabet_has_blank_first_and_space_last() -> None:
    config = {"PostProcess": {"name": "CTCLabelDecode", "character_dict": ["x", "y"]}}
    assert alphabet(config) == ["", "x", "y", " "]


@pytest.mark.parametrize("section", [None, "text", {}, {"name": "CTCLabelDecode"}, {"character_dict": ["x"]}])
def test_config_without_dictionary_is_refused(section: object) -> None:
    with pytest.raises(ArtifactError):
        alphabet({"PostProcess": section})
