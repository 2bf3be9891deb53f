from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hybrid_ocr.contracts.errors import ErrorCode, OcrError
from hybrid_ocr.opening import DocumentOpener, RawPage

Save = Callable[[bytes], Path]
Outcome = RawPage | ErrorCode


@pytest.fixture(scope="module")
def opener() -> Iterator[DocumentOpener]:
    with DocumentOpener() as opener:
        yield opener


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write bytes to a file whose name says nothing about its format."""

    def write(data: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.bin"
        path.write_bytes(data)
        return path

    return write


def outcome(opener: DocumentOpener, path: Path, page: int = 1) -> Outcome:
    """The page, or the code of the one error that opening it ends in."""
    try:
        opener.inspect(path)
        return opener.render(path, page)
    except OcrError as error:
        return error.code if error.message.isprintable() else ErrorCode.INTERNAL
