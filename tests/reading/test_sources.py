"""Which files a call names, and safe, unique folders for what comes out of them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.commands.sources import name_results, safe_name, select, standard_input
from hybrid_ocr.contracts.errors import ErrorCode, RequestError

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_named_file_is_always_read(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no document")
    assert [source.document for source in select([note]).sources] == [note]


def test_every_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.pdf").touch()
    with pytest.raises(RequestError, match=r"no .*one\.pdf, no .*two\.pdf") as raised:
        select([tmp_path / name for name in ("one.pdf", "there.pdf", "two.pdf")])
    assert raised.value.code == ErrorCode.SOURCE_NOT_FOUND


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no document")
    with pytest.raises(RequestError, match="no document"):
        select([tmp_path])


def test_standard_input_is_bounded() -> None:
    assert standard_input(io.BytesIO(b"12345"), 5).document == b"12345"
    with pytest.raises(RequestError, match="more than 4 bytes"):
        standard_input(io.BytesIO(b"12345"), 4)
    with pytest.raises(RequestError, match="nothing"):
        standard_input(io.BytesIO(), 5)


def test_a_name_that_is_no_utf8_can_be_shown() -> None:
    [source] = name_results([Path(os.fsdecode(b"scans/caf\xe9.png"))])
    assert source.shown == "scans/caf\N{REPLACEMENT CHARACTER}.png"
    assert source.file_name == "caf\N{REPLACEMENT CHARACTER}.png"
    source.name.encode()


def test_a_folder_gives_its_documents_and_counts_the_rest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "scan").write_bytes(PNG)
    (tmp_path / "broken.pdf").write_bytes(b"not a PDF at all")
    (tmp_path / "truth.json").write_text("{}")
    (tmp_path / ".hidden.png").write_bytes(PNG)
    selection = select([tmp_path])
    assert [source.file_name for source in selection.sources] == ["broken.pdf", "scan"]
    assert selection.skipped == 1


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(PNG)
    assert len(select([page, tmp_path]).sources) == 1


def test_same_stems_get_folders_of_their_own() -> None:
    paths = [Path("a/x.pdf"), Path("a/x.png"), Path("b/x.png"), Path("c/X.png")]
    assert [source.name for source in name_results(paths)] == ["x", "x.png", "x.png-2", "X.png-3"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("invoice 2024", "invoice 2024"),
        ("..", "_"),
        ("-rf", "_-rf"),
        (".ssh", "_.ssh"),
        ("a\r\nb", "a__b"),
        ("exe\u202efdp", "exe_fdp"),
        ("a\\b:c", "a_b_c"),
        ("été", "été"),
        ("", "_"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.lists(st.text(min_size=1, max_size=300).filter(lambda name: "/" not in name and "\0" not in name)))
def test_any_names_become_safe_and_unique(names: list[str]) -> None:
    sources = name_results(dict.fromkeys(Path("d") / str(n) / name for n, name in enumerate(names)))
    chosen = [source.name for source in sources]
    assert len({name.casefold() for name in chosen}) == len(chosen)
    for name in chosen:
        assert Path(name).name == name
        assert name not in {".", ".."}
        assert len(name.encode()) < 200
        assert name.isprintable()
