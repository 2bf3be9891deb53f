"""CTC decoding: from the best class of every step to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.errors import ArtifactError

BLANK: Final = 0

# Between two letters a space need not win, it need only be likely: where words stand close the blank wins by
# little, and words would run together. Measured: down to 0.07 words are won back, below 0.05 words are torn.
_LIKELY_SPACE: Final = 0.07
_SEPARATORS: Final = frozenset(".,:/-")


class DecodedLine(NamedTuple):
    """The text of a line; `characters` has the probability of each character, `confidence` is their mean."""

    text: str
    confidence: float
    characters: tuple[float, ...] = ()


NO_TEXT: Final = DecodedLine("", 0.0)


def alphabet(config: Mapping[str, Any]) -> list[str]:
    """What each class of the network stands for, from an inference.yml: blank, its characters, space.

    Raises:
        ArtifactError: there is no CTC dictionary in it.
    """
    section = config.get("PostProcess")
    section = section if isinstance(section, dict) else {}
    characters = section.get("character_dict")
    if not isinstance(characters, list) or section.get("name") != "CTCLabelDecode":
        raise ArtifactError(
            "inference.yml has no PostProcess section of name CTCLabelDecode with a dictionary"
        )
    return ["", *map(str, characters), " "]


def decode(
    classes: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    spaces: NDArray[np.floating],
    symbols: Sequence[str],
) -> DecodedLine:
    """Greedy CTC decoding of one line, with words told apart where a space is likely.

    Args:
        classes: (T,) best class of every step.
        probabilities: (T,) its probability.
        spaces: (T,) probability of the space.
        symbols: what each class stands for, see `alphabet`.

    Steps that repeat the class before them and blanks say nothing (Graves et al., ICML 2006). A space that
    was put in is as sure as the less sure of its two neighbours. No space starts or ends the text.
    """
    emits = classes != BLANK
    emits[1:] &= classes[1:] != classes[:-1]
    steps = np.flatnonzero(emits)
    text: list[str] = []
    confidences: list[float] = []
    before = -1
    for step in steps.tolist():
        symbol, confidence = symbols[classes[step]], min(1.0, float(probabilities[step]))
        between = spaces[before + 1 : step]
        likely = len(between) > 0 and between.max() > _LIKELY_SPACE
        if text and symbol != " " != text[-1] and likely and not _within_number(text, symbol):
            text.append(" ")
            confidences.append(min(confidences[-1], confidence))
        text.append(symbol)
        confidences.append(confidence)
        before = step
    first = next((at for at, symbol in enumerate(text) if symbol != " "), len(text))
    last = next((at for at in range(len(text), first, -1) if text[at - 1] != " "), first)
    return _decoded_line(text[first:last], confidences[first:last])


def _within_number(text: Sequence[str], symbol: str) -> bool:
    """Whether a symbol goes on with a number: printers leave a gap at the point of 3.60 that is no space."""
    if symbol in _SEPARATORS:
        return text[-1].isdigit()
    return symbol.isdigit() and text[-1] in _SEPARATORS and len(text) > 1 and text[-2].isdigit()


def _decoded_line(symbols: Sequence[str], confidences: Sequence[float]) -> DecodedLine:
    """Symbols with their probabilities as a line; every character of a symbol has its probability."""
    characters = tuple(
        confidence for symbol, confidence in zip(symbols, confidences, strict=True) for _ in symbol
    )
    if not characters:
        return NO_TEXT
    return DecodedLine("".join(symbols), sum(characters) / len(characters), characters)


def joined(parts: Sequence[DecodedLine]) -> DecodedLine:
    """The parts of a line that was cut, as one."""
    read = [part for part in parts if part.text]
    if len(read) <= 1:
        return read[0] if read else NO_TEXT
    symbols: list[str] = []
    confidences: list[float] = []
    for part in read:
        if symbols:
            symbols.append(" ")
            confidences.append(min(confidences[-1], part.characters[0]))
        symbols += part.text
        confidences += part.characters
    return _decoded_line(symbols, confidences)
