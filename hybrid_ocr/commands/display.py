"""How text of documents, file names and verdicts are shown; nothing here needs more than the base package."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["FINDINGS_SHOWN", "STYLE", "plain", "shown"]

STYLE: Final = {
    "accept": "green",
    "review": "yellow",
    "reject": "red",
    "error": "red",
    "warning": "yellow",
    "info": "dim",
}
"""The colour of a verdict or of a finding's severity."""
FINDINGS_SHOWN: Final = 5


def plain(text: str) -> str:
    """Text that cannot command a terminal: control and direction marks but line ends and tabs become �.

    Bytes of a file name that are no UTF-8, which Python keeps as surrogates, become � as well.
    """
    return "".join(
        "�" if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\t\f" else c for c in text
    )


def shown(name: str, most: int = 72) -> str:
    """A file name on one line, shortened in its middle."""
    name = re.sub(r"[\n\t\f]", "�", plain(name))
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) :]}"
