"""A path as an open regular file: names are hostile, and what they lead to need not be a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorCode


@dataclass(frozen=True)
class OpenFile:
    """A regular file, open for reading.

    Args:
        fd: its descriptor.
        key: the same for the same content: device, inode, size, and when it was changed.
        size: bytes.
    """

    fd: int
    key: str
    size: int


@contextmanager
def open_file(path: Path, most_bytes: int, name: str | None = None) -> Iterator[OpenFile]:
    """Open a regular file; a symbolic link to one is fine. Never blocks, whatever stands there.

    Args:
        path: of the file.
        most_bytes: a larger one is refused.
        name: what errors call the document; its file name if None.

    Raises:
        DocumentError: SOURCE_NOT_FOUND where there is none that may be read, UNSUPPORTED_FORMAT for a folder,
            pipe or device, EMPTY_FILE, FILE_TOO_LARGE.
    """
    shown = readable(path, name)
    try:
        _require_file(path.stat(), shown)  # before opening: opening a device can already do something
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        raise DocumentError(f"{shown}: {reason}", code=ErrorCode.SOURCE_NOT_FOUND) from None
    try:
        facts = os.fstat(fd)
        _require_file(facts, shown)
        if facts.st_size == 0:
            raise DocumentError(f"{shown}: no bytes in it", code=ErrorCode.EMPTY_FILE)
        if facts.st_size > most_bytes:
            message = f"{shown}: {facts.st_size} bytes; the limit is {most_bytes}"
            raise DocumentError(message, code=ErrorCode.FILE_TOO_LARGE)
        key = f"{facts.st_dev}:{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ctime_ns}"
        yield OpenFile(fd, key, facts.st_size)
    finally:
        os.close(fd)


def readable(path: Path, name: str | None = None) -> str:
    """The name of a document as a message may show it: see `document_name`, and not too long."""
    shown = document_name(path.name if name is None else name)
    return shown if len(shown) <= 100 else f"{shown[:60]}...{shown[-37:]}"


def _require_file(facts: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise DocumentError(f"{shown}: not a file", code=ErrorCode.UNSUPPORTED_FORMAT)
