"""Hostile documents end in one error code each, and the opener goes on with the next document."""

from __future__ import annotations

import os
import resource
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode, OcrError, RequestError
from hybrid_ocr.opening import DocumentOpener, OpeningLimits, RawPage
from tests.opening.conftest import Save, outcome
from tests.opening.files import encoded, nested_forms, pdf, picture, png_claiming, scan, tiff
from tests.patience import PATIENCE, until


@pytest.fixture(scope="module")
def strict() -> Iterator[DocumentOpener]:
    limits = OpeningLimits(
        page_seconds=60, inspect_seconds=60, memory_mib=400, file_bytes=2_000_000, pages=50
    )
    with DocumentOpener(limits) as opener:
        yield opener


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ErrorCode.EMPTY_FILE),
        (b"Dear Sir or Madam", ErrorCode.UNSUPPORTED_FORMAT),
        (b"%PDF-1.7\nnothing else", ErrorCode.CORRUPT_DOCUMENT),
        (bytes(2_000_001), ErrorCode.FILE_TOO_LARGE),
        (png_claiming(20_000, 20_000), ErrorCode.PAGE_TOO_LARGE),
        (png_claiming(35_000, 35_000, rows=1), ErrorCode.PAGE_TOO_LARGE),
        (png_claiming(70_000, 1), ErrorCode.PAGE_TOO_LARGE),
        (tiff(b"\x00", width=35_000, height=35_000), ErrorCode.PAGE_TOO_LARGE),
        (tiff(b"\x00", width=2**32 - 1, height=2**32 - 1), ErrorCode.PAGE_TOO_LARGE),
        (tiff(b"\x00", frames=51), ErrorCode.TOO_MANY_PAGES),
        (pdf(*[b""] * 51), ErrorCode.TOO_MANY_PAGES),
        (
            scan(zlib.compress(bytes(9)), (40_000, 40_000), codec="FlateDecode", points=(99, 99)),
            ErrorCode.PAGE_TOO_LARGE,
        ),
    ],
    ids=[
        "no bytes",
        "text",
        "nothing but a PDF header",
        "too many bytes",
        "PNG bomb",
        "PNG of 35,000 px",
        "one very long row",
        "TIFF of 35,000 px",
        "TIFF of 2**64 px",
        "frames",
        "pages",
        "bomb within a PDF",
    ],
)
def test_each_ends_in_its_code(strict: DocumentOpener, save: Save, data: bytes, code: ErrorCode) -> None:
    assert outcome(strict, save(data)) == code
    assert isinstance(outcome(strict, save(encoded(picture(), "PNG"))), RawPage)


def test_frames_are_counted_only_up_to_the_limit(opener: DocumentOpener, save: Save) -> None:
    path = save(tiff(b"\x00", frames=200_000))
    with pytest.raises(DocumentError) as caught:
        opener.inspect(path)
    assert caught.value.code == ErrorCode.TOO_MANY_PAGES


def test_a_chain_of_frames_that_bites_its_tail_ends(opener: DocumentOpener, save: Save) -> None:
    assert opener.inspect(save(tiff(b"\x00", frames=3, loop=True))).page_count == 3


@pytest.mark.parametrize("limit", ["page_seconds", "memory_mib"])
def test_forms_nested_without_end_are_stopped(save: Save, limit: str) -> None:
    bomb = save(nested_forms(depth=12, each=10))
    good = save(encoded(picture(), "PNG"))
    limits = OpeningLimits(page_seconds=0.3 if limit == "page_seconds" else 20, memory_mib=2048)
    code = ErrorCode.DECODE_TIMEOUT
    if limit == "memory_mib":
        limits, code = OpeningLimits(memory_mib=200), ErrorCode.DECODE_MEMORY
    with DocumentOpener(limits) as opener:
        until(lambda: isinstance(outcome(opener, good), RawPage))  # 0.3 s may be too few for a busy machine
        assert outcome(opener, bomb) == code
        until(lambda: isinstance(outcome(opener, good), RawPage))


def test_forms_nested_deeply_do_no_harm(strict: DocumentOpener, save: Save) -> None:
    assert isinstance(outcome(strict, save(nested_forms(depth=500, each=1))), RawPage)


def test_a_page_that_needs_more_memory_than_allowed(save: Save) -> None:
    path = save(png_claiming(6_900, 6_900))
    with DocumentOpener(OpeningLimits(memory_mib=150)) as opener:
        assert outcome(opener, path) == ErrorCode.DECODE_MEMORY
        assert isinstance(outcome(opener, save(encoded(picture(), "PNG"))), RawPage)


@pytest.mark.parametrize(
    "name", ["-rf", "a\nb\x1b[31m.pdf", "\u202egnp.exe", "$(id);`id`", "x" * 250, "%s%n", "ünï çödé 文書"]
)
def test_names_are_only_names(strict: DocumentOpener, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(picture(), "PNG"))
    assert isinstance(outcome(strict, path), RawPage)
    path.write_bytes(b"text")
    with pytest.raises(DocumentError) as caught:
        strict.inspect(path)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_what_is_not_a_file_is_refused_without_waiting(strict: DocumentOpener, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    refused = {
        tmp_path / "pipe": ErrorCode.UNSUPPORTED_FORMAT,
        tmp_path: ErrorCode.UNSUPPORTED_FORMAT,
        Path("/dev/zero"): ErrorCode.UNSUPPORTED_FORMAT,
        tmp_path / "loop": ErrorCode.SOURCE_NOT_FOUND,
        tmp_path / "absent": ErrorCode.SOURCE_NOT_FOUND,
        tmp_path / "nul\x00": ErrorCode.SOURCE_NOT_FOUND,
        tmp_path / ("long" * 1000): ErrorCode.SOURCE_NOT_FOUND,
    }
    assert {path: outcome(strict, path) for path in refused} == refused


def test_a_link_to_a_file_is_the_file(strict: DocumentOpener, tmp_path: Path, save: Save) -> None:
    (tmp_path / "link").symlink_to(save(encoded(picture(), "PNG")))
    assert isinstance(outcome(strict, tmp_path / "link"), RawPage)


def test_a_page_the_document_does_not_have(strict: DocumentOpener, save: Save) -> None:
    path = save(encoded(picture(), "PNG"))
    for page in (0, 2, -1):
        with pytest.raises(RequestError) as caught:
            strict.render(path, page)
        assert caught.value.code == ErrorCode.PAGE_OUT_OF_RANGE


def test_a_file_that_changed_is_read_anew(strict: DocumentOpener, tmp_path: Path) -> None:
    path = tmp_path / "page"
    for size in (32, 48, 64):
        path.write_bytes(encoded(picture(size, size), "PNG"))
        assert strict.render(path, 1).image.shape == (size, size, 3)


def test_the_child_killed_between_two_pages_is_replaced(save: Save) -> None:
    path = save(encoded(picture(), "PNG"))
    with DocumentOpener() as opener:
        opener.inspect(path)
        [child] = _children()
        child.kill()
        child.wait(PATIENCE)
        assert isinstance(outcome(opener, path), RawPage)


def test_a_child_that_cannot_start_is_no_fault_of_the_document(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(encoded(picture(), "PNG"))
    with monkeypatch.context() as patch:
        patch.setattr("hybrid_ocr.opening.child._WORKER", "no.such.module")
        opener = DocumentOpener()
        assert outcome(opener, path) == ErrorCode.INTERNAL
    with opener:
        assert isinstance(outcome(opener, path), RawPage)


def test_nothing_is_left_behind(save: Save) -> None:
    good, bad = save(encoded(picture(), "PNG")), save(b"%PDF-1.7")
    before = psutil.Process().num_fds(), _children()
    with DocumentOpener() as opener:
        for _ in range(20):
            outcome(opener, good)
            outcome(opener, bad)
    assert (psutil.Process().num_fds(), _children()) == before


def test_the_child_sees_no_secrets_and_may_not_write(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with DocumentOpener() as opener:
        opener.inspect(save(encoded(picture(), "PNG")))
        [child] = _children()
        assert "AWS_SECRET_ACCESS_KEY" not in child.environ()
        assert child.rlimit(resource.RLIMIT_FSIZE) == (0, 0)


def test_threads_take_turns(opener: DocumentOpener, save: Save) -> None:
    sizes = range(16, 48)
    paths = [save(encoded(picture(size, size), "PNG")) for size in sizes]
    start = threading.Barrier(8)

    def widths(worker: int) -> list[int]:
        start.wait()
        return [opener.render(path, 1).image.shape[1] for path in paths[worker::8]]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(widths, range(8))) == [list(sizes)[worker::8] for worker in range(8)]


def test_errors_call_a_document_what_the_caller_calls_it(strict: DocumentOpener, save: Save) -> None:
    path = save(encoded(picture(), "PNG")[:-200])
    with pytest.raises(OcrError, match=r"^Invoice \N{REPLACEMENT CHARACTER} May\.png: page 1: "):
        strict.render(path, 1, name="Invoice \udcff May.png")
    with pytest.raises(OcrError, match=r"^Invoice\.png: no bytes"):
        strict.inspect(save(b""), name="Invoice.png")


def test_errors_carry_the_files_name_and_the_page(strict: DocumentOpener, save: Save) -> None:
    path = save(encoded(picture(), "PNG")[:-30])
    with pytest.raises(OcrError, match=rf"{path.name}: page 1: .*ends"):
        strict.render(path, 1)


def _children() -> list[psutil.Process]:
    """Decoding processes of the opener made last; fixtures of this module hold others."""
    known = {child.pid for child in _FIXTURE_CHILDREN}
    return [child for child in psutil.Process().children() if child.pid not in known]


_FIXTURE_CHILDREN: list[psutil.Process] = []


@pytest.fixture(autouse=True)
def _note_children() -> None:
    _FIXTURE_CHILDREN[:] = psutil.Process().children()
