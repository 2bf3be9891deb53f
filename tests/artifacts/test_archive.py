from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.artifacts.building.archive import pack, unpack
from hybrid_ocr.artifacts.building.verify import verify
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode
from tests.artifacts import tiny

NAMES = ["manifest.json", "inference.onnx", "inference.yml", "LICENSE"]


@given(st.dictionaries(st.sampled_from(NAMES), st.binary(max_size=200_000)))
def test_any_tar_reads_back_what_was_packed(contents: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(contents)), mode="r:gz") as tar:
        read = {m.name: (tar.extractfile(m) or io.BytesIO()).read() for m in tar.getmembers()}
    assert read == contents


def test_bytes_depend_on_contents_alone() -> None:
    contents = {"inference.onnx": b"n" * 100_000, "inference.yml": b"{}"}
    assert pack(contents) == pack(dict(reversed(contents.items())))
    packed = pack(contents)
    assert packed[4:8] == bytes(4), "no time in the gzip header"
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        assert [(m.name, m.mtime, m.uid, m.gid, m.uname, m.mode) for m in tar] == [
            ("inference.onnx", 0, 0, 0, "", 0o644),
            ("inference.yml", 0, 0, 0, "", 0o644),
        ]


def test_an_archive_and_its_folder_have_the_same_identity(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    assert verify(folder.with_name("tiny-rec.tar.gz")) == verify(folder)


def _member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: object) -> io.BytesIO:
    """A gzipped tar of one member, with whatever an attacker puts into its header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data)
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))
    return buffer


HOSTILE: dict[str, tuple[Callable[[], io.BytesIO], str]] = {
    "symlink": (lambda: _member("inference.onnx", tarfile.SYMTYPE, linkname="/etc/passwd"), "symlink"),
    "hard link": (lambda: _member("inference.onnx", tarfile.LNKTYPE, linkname="manifest.json"), "hard link"),
    "device": (lambda: _member("inference.onnx", tarfile.CHRTYPE, devmajor=1), "not a regular file"),
    "fifo": (lambda: _member("inference.onnx", tarfile.FIFOTYPE), "not a regular file"),
    "folder": (lambda: _member("inference.onnx", tarfile.DIRTYPE), "not a regular file"),
    "parent": (lambda: _member("../inference.onnx", data=b"x"), "leaves the folder"),
    "hidden parent": (lambda: _member("a/../../inference.onnx", data=b"x"), "leaves the folder"),
    "absolute": (lambda: _member("/tmp/inference.onnx", data=b"x"), "leaves the folder"),  # noqa: S108
    "backslash": (lambda: _member("..\\inference.onnx", data=b"x"), "leaves the folder"),
    "pickle by name": (lambda: _member("weights.pkl", data=b"x"), "pickle"),
    "torch by name": (lambda: _member("model.PT", data=b"x"), "pickle"),
    "unknown": (lambda: _member("code.py", data=b"x"), "not part of an artefact"),
    "subfolder": (lambda: _member("a/inference.onnx", data=b"x"), "not part of an artefact"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_member_is_refused_by_name(what: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[what]
    path = tmp_path / "model.tar.gz"
    path.write_bytes(make().getvalue())
    with pytest.raises(ArtifactError, match=reason) as refused:
        unpack(path)
    with tarfile.open(path) as tar:
        assert repr(tar.getnames()[0]) in refused.value.message


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    tar = gzip.decompress(_member("LICENSE", data=b"one").getvalue())[:1024]
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(tar + tar + bytes(1024)))
    with pytest.raises(ArtifactError, match="'LICENSE' is there twice"):
        unpack(path)


def test_an_oversized_member_is_refused_by_its_header(tmp_path: Path) -> None:
    info = tarfile.TarInfo("manifest.json")
    info.size = 5 << 30
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)))
    with pytest.raises(ArtifactError, match=r"'manifest.json' has more than 1,048,576 bytes"):
        unpack(path)


def test_a_pax_header_of_any_size_is_not_inflated(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4096)))
    with pytest.raises(ArtifactError, match="not a regular file"):
        unpack(path)


def test_a_pickle_under_the_name_of_the_network_is_refused(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    (folder / "inference.onnx").write_bytes(pickle.dumps({"weights": list(range(50))}))
    tiny.relist(folder)
    path = tmp_path / "model.tar.gz"
    path.write_bytes(pack({file.name: file.read_bytes() for file in folder.iterdir()}))
    for where in (path, folder):
        with pytest.raises(ArtifactError, match=r"'inference.onnx' is a pickle"):
            verify(where)


@pytest.mark.parametrize("cut", [0, 5, 300, 700])
def test_a_cut_archive_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(pack({"LICENSE": b"x" * 1000})[:cut])
    with pytest.raises(ArtifactError, match=r"not a whole tar\.gz"):
        unpack(path)


@given(st.binary(max_size=2000))
def test_noise_ends_in_one_error(data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
        for content in (data, gzip.compress(data)):
            Path(file.name).write_bytes(content)
            with pytest.raises(ArtifactError):
                verify(Path(file.name))


def test_a_missing_archive_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as missing:
        verify(tmp_path / "none.tar.gz")
    assert missing.value.code is ErrorCode.ARTIFACT_NOT_FOUND
