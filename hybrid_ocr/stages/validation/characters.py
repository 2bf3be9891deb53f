"""Which characters a line of a document plausibly has."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Final

_ALPHABETS: Final = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "ARMENIAN", "GEORGIAN", "DEVANAGARI")
_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def symbol_share(text: str) -> float:
    """Share of the characters that are neither letters, digits, marks nor spaces.

    A character that is repeated counts once: rules drawn with dashes or stars, and dot leaders, are usual.
    """
    runs = [character for character, _ in groupby(text) if not character.isspace()]
    if len(set(runs)) < 3:
        return 0.0
    odd = sum(unicodedata.category(character)[0] not in "LNM" for character in runs)
    return odd / len(runs)


def mixes_scripts(text: str) -> bool:
    """Whether a word has two or more letters of each of two alphabets.

    A misread word does. One foreign letter is left alone: units such as "kΩ" or "μm" are written so.
    """
    for word in text.split():
        if word.isascii():
            continue
        alphabets = [_alphabet(character) for character in word if character.isalpha()]
        if sum(alphabets.count(name) >= 2 for name in _ALPHABETS) >= 2:
            return True
    return False


def has_hidden_controls(text: str) -> bool:
    """Whether a text has C0 or C1 controls, or characters that embed or override a direction."""
    return bool(_HIDDEN.search(text))


def _alphabet(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]
