"""What people call a document, and that no name of a file can end a result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts import codec
from hybrid_ocr.contracts.document_name import document_name
from hybrid_ocr.contracts.errors import DocumentError, ErrorInfo
from hybrid_ocr.contracts.result import DocumentResult, Finding


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("s3://bucket/submitted/299f05bbb5794cee8dfe975c27bf9c23/receipt May.png", "receipt May.png"),
        ("/home/me/scans/Größe 日本.pdf", "Größe 日本.pdf"),
        ("letter.jpg", "letter.jpg"),
        ("scans/folder/", "folder"),
        ("/scans/r\udce9sum\udce9.pdf", "r\ufffdsum\ufffd.pdf"),
        ("a\nb\x1b[31m\u202egnp.exe", "a\ufffdb\ufffd[31m\ufffdgnp.exe"),
        ("5.42\u202fPM\u00a0x.png", "5.42 PM x.png"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_a_document_is_called_by_its_file(source: str, name: str) -> None:
    assert document_name(source) == name


@given(st.binary(min_size=1, max_size=40))
def test_whatever_bytes_a_name_has_it_is_one_line_of_unicode(name: bytes) -> None:
    shown = document_name(os.fsdecode(name))
    assert shown.isprintable()
    assert shown.encode().decode() == shown


@pytest.mark.parametrize("media_type", [codec.JSON, codec.MSGPACK])
def test_a_name_that_is_not_utf8_does_not_end_a_result(media_type: codec.MediaType) -> None:
    path = os.fsdecode(b"/scans/r\xe9sum\xe9.pdf")
    error = ErrorInfo.of(DocumentError(f"{path}: no such file"))
    result = DocumentResult(
        job_id="1",
        source=str(Path(path)),
        status="failed",
        verdict="reject",
        pages=(),
        text="",
        findings=(Finding(rule="document_unreadable", severity="error", message=error.message),),
    )
    assert codec.decode(DocumentResult, codec.encode(result, media_type), media_type) == result
    assert result.source == "/scans/r\ufffdsum\ufffd.pdf"
    assert result.document_name == "r\ufffdsum\ufffd.pdf"
    assert error.message == "/scans/r\ufffdsum\ufffd.pdf: no such file"
