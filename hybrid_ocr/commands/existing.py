"""Results that lie in the output folder already: read again, left alone, or not to be overwritten."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from hybrid_ocr.commands.reading import EXPORTS
from hybrid_ocr.commands.sources import Selection, Source
from hybrid_ocr.contracts.errors import RequestError

Existing = Literal["same", "force", "skip"]
"""Where a result lies already: replace that of the same document only, replace any, or skip the document."""


def settle_existing(selection: Selection, out: Path, existing: Existing, console: Console) -> Selection:
    """The documents to read, once it is clear that nothing of another document is overwritten.

    The output folder is made, so that one that cannot be written is found before anything is read.

    Args:
        selection: what the command line named.
        out: where results go.
        existing: what to do with a result that is there.
        console: shows what is skipped.

    Raises:
        RequestError: a folder holds the result of another document.
        OSError: the output folder cannot be made or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK | os.X_OK):
        raise PermissionError(f"{out}: cannot be written")
    present = [source for source in selection.sources if _has_result(out / source.name)]
    if existing == "skip":
        if present:
            console.print(Text(f"{len(present)} documents have a result already and are skipped", "dim"))
        left = tuple(source for source in selection.sources if source not in present)
        return Selection(left, selection.skipped)
    if existing == "same":
        for source in present:
            _refuse_another(source, out / source.name)
    return selection


def _has_result(folder: Path) -> bool:
    return any((folder / name).exists() for name in EXPORTS.values())


def _refuse_another(source: Source, folder: Path) -> None:
    try:
        result: Any = json.loads((folder / "result.json").read_bytes())
        before = str(result["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # written without result.json, or broken: which document it was of is not known
    if before != source.shown and not _same_file(before, source):
        raise RequestError(
            f"{folder} holds the result of {before}: give another --out, or overwrite it with --force"
        )


def _same_file(before: str, source: Source) -> bool:
    if isinstance(source.document, bytes):
        return False
    try:
        return Path(before).samefile(source.document)
    except OSError:
        return False
