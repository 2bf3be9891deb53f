"""What people call a document."""

from __future__ import annotations

import os
import unicodedata
from pathlib import PurePath

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that cannot be shown."""


def document_name(source: str) -> str:
    """The name of a document's file: the last part of its path, or of the key in its s3:// URI.

    A name is bytes until it is shown: one that is not UTF-8 reaches Python with lone surrogates in it (PEP
    383), and any name may hold line breaks, control characters and marks that turn the direction of text.
    Each of these becomes U+FFFD, and every kind of space a plain one: the name fits on a line anywhere.
    """
    name = source.rstrip("/").rsplit("/", 1)[-1] or source
    return "".join(map(_shown, name))


def _shown(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    return character if character.isprintable() else UNKNOWN


def displayed_path(path: PurePath) -> str:
    """A path as text that can be written and stored: what is not UTF-8 in its bytes becomes U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")
