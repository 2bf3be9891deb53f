"""Which files a call names, and the folder that each one's result goes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hybrid_ocr.contracts.document_name import displayed_path, document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, RequestError
from hybrid_ocr.opening.formats import sniff

MAX_NAME_BYTES = 120
"""Room for suffixes of ours under the 255 bytes that file systems allow."""
RESERVED = frozenset('/\\:*?"<>|')
"""Characters that file systems or shells give a meaning of their own."""
STDIN = "stdin"
SUFFIXES = frozenset({".pdf", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True)
class Source:
    """A document to read.

    Args:
        document: a file, or the bytes that came on standard input.
        name: of its result folder, unique in one call.
    """

    document: Path | bytes
    name: str

    @property
    def shown(self) -> str:
        """What people call it: its path, or `stdin`."""
        return STDIN if isinstance(self.document, bytes) else displayed_path(self.document)

    @property
    def file_name(self) -> str:
        """The same without folders."""
        return document_name(self.shown)


@dataclass(frozen=True)
class Selection:
    """What a call named: files to read, and files in named folders that are no documents."""

    sources: tuple[Source, ...]
    skipped: int


def select(paths: Sequence[Path]) -> Selection:
    """Files as they were named; folders as the documents in them, at any depth, in the order of their names.

    A file that was named itself is always read, so that a wrong one is reported and never skipped in silence.
    In a folder a file counts as a document if its first bytes or its suffix say so; hidden ones do not.

    Raises:
        RequestError: SOURCE_NOT_FOUND, something that was named is not there; nothing at all is to be read.
    """
    chosen: dict[Path, None] = {}
    skipped = 0
    if missing := [displayed_path(path) for path in paths if not path.exists()]:
        raise RequestError(f"there is no {', no '.join(missing)}", code=ErrorCode.SOURCE_NOT_FOUND)
    for path in paths:
        if not path.is_dir():
            chosen[path] = None
            continue
        for file in _files_of(path):
            if claims_to_be_a_document(file):
                chosen[file] = None
            else:
                skipped += 1
    if not chosen:
        raise RequestError("no document in what was named: give a PDF, TIFF, PNG, JPEG or WebP")
    return Selection(tuple(name_results(chosen)), skipped)


def claims_to_be_a_document(file: Path) -> bool:
    """Whether a file's suffix or first bytes say that it is a document. One that lies is reported later."""
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        with file.open("rb") as opened:
            sniff(opened.read(2048))
    except (OSError, DocumentError):
        return False
    return True


def _files_of(folder: Path) -> list[Path]:
    inside = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path for path in inside if not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )


def standard_input(stream: BinaryIO, most_bytes: int) -> Source:
    """The document that comes on standard input.

    Raises:
        RequestError: there is nothing, or more than `most_bytes`.
    """
    data = stream.read(most_bytes + 1)
    if not data:
        raise RequestError("nothing came on standard input")
    if len(data) > most_bytes:
        raise RequestError(f"standard input has more than {most_bytes:,} bytes: split the document")
    return Source(data, STDIN)


def name_results(paths: Iterable[Path]) -> list[Source]:
    """Name a folder for each file: its stem; where that is taken its whole name, or that with a number."""
    taken: set[str] = set()
    sources = []
    for path in paths:
        full = safe_name(path.name)
        candidates = [safe_name(path.stem), full, *(f"{full}-{n}" for n in range(2, len(taken) + 4))]
        # Case is folded because some file systems do not tell "A" from "a".
        name = next(candidate for candidate in candidates if candidate.casefold() not in taken)
        taken.add(name.casefold())
        sources.append(Source(path, name))
    return sources


def safe_name(name: str) -> str:
    """A file name as one safe path component: no separator, control or direction mark, no leading dot."""
    kept = "".join(c if c.isprintable() and c not in RESERVED else "_" for c in name)
    kept = kept.encode("utf-8", "replace")[:MAX_NAME_BYTES].decode("utf-8", "ignore").strip()
    kept = kept.rstrip(".")
    if not kept or kept[0] in ".-~":
        kept = f"_{kept}"
    return kept
