from __future__ import annotations

import http.client
import io
import shutil
import urllib.request
import zipfile
from pathlib import Path
from typing import IO, Any

import pytest

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.artifacts.building.build import build
from hybrid_ocr.artifacts.building.catalogue import load_catalogue
from hybrid_ocr.artifacts.building.sources import _HttpsRedirects, fetch_https, pip_download
from hybrid_ocr.artifacts.building.verify import verify
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, ErrorCode
from tests.artifacts import tiny

NETWORK = tiny.recogniser()


def _wheel(network: bytes = NETWORK) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("pkg/net.onnx"), network)
        wheel.writestr(zipfile.ZipInfo("pkg.dist-info/LICENSE"), "Apache License")
    return buffer.getvalue()


def _wheel_source(**changes: str) -> dict[str, str]:
    wanted = {
        "package": "pkg",
        "version": "1.0",
        "file": "pkg/net.onnx",
        "licence_file": "pkg.dist-info/LICENSE",
    }
    hashes = {"wheel_sha256": tiny.sha256(_wheel()), "sha256": tiny.sha256(NETWORK)}
    return {"kind": "wheel", **wanted, **hashes, **changes}


class FakeIndex:
    """A package index that has one wheel, and counts how often it is asked."""

    def __init__(self, wheel: bytes) -> None:
        self.wheel, self.asked = wheel, []

    def __call__(self, requirement: str, folder: Path) -> None:
        self.asked.append(requirement)
        (folder / "pkg-1.0-py3-none-any.whl").write_bytes(self.wheel)


def test_a_file_in_a_wheel_becomes_an_artefact(tmp_path: Path) -> None:
    index = FakeIndex(_wheel())
    made = tiny.catalogue(tiny.entry(_wheel_source()))
    (built,) = build((), tmp_path, catalogue=made, fetch_wheel=index)
    assert index.asked == ["pkg==1.0"]
    assert (built.folder / "inference.onnx").read_bytes() == NETWORK
    assert (built.folder / "LICENSE").read_text() == "Apache License"
    assert load_artifact(built.folder).manifest.source["wheel"] == "pkg==1.0"
    assert verify(built.folder) == verify(built.archive) == built.identity


def test_two_builds_give_the_same_bytes_and_the_wheel_is_fetched_once(tmp_path: Path) -> None:
    index = FakeIndex(_wheel())
    made = tiny.catalogue(tiny.entry(_wheel_source(), scripts=("latin",)))
    first, second = (
        {
            b.identity.name: b.archive.read_bytes()
            for b in build((), tmp_path, catalogue=made, fetch_wheel=index)
        }
        for _ in range(2)
    )
    assert first == second
    assert set(first) == {"tiny-rec", "tiny-rec-latin"}
    assert len(index.asked) == 1


def test_what_is_in_place_and_right_is_left_alone_and_what_is_not_is_replaced(tmp_path: Path) -> None:
    index = FakeIndex(_wheel())
    made = tiny.catalogue(tiny.entry(_wheel_source()))
    (built,) = build((), tmp_path, catalogue=made, fetch_wheel=index)
    locked = tiny.catalogue(*made.entries.values(), lock={"tiny-rec": built.identity.sha256})

    def again() -> bool:
        (answer,) = build((), tmp_path, catalogue=locked, fetch_wheel=index)
        assert verify(answer.folder) == verify(answer.archive) == built.identity
        return answer.fresh

    assert not again()
    (built.folder / "inference.onnx").write_bytes(b"harm")
    assert again()
    built.archive.write_bytes(b"harm")
    assert again()
    (built.folder / "stray").write_bytes(b"harm")
    assert again()
    assert not again()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", ".sources", "tiny-rec", "tiny-rec.tar.gz"]


def test_an_artefact_that_is_not_the_locked_one_never_gets_in_place(tmp_path: Path) -> None:
    made = tiny.catalogue(tiny.entry(_wheel_source()), lock={"tiny-rec": "0" * 64})
    with pytest.raises(ArtifactError, match=f"the lock says {'0' * 64}"):
        list(build((), tmp_path, catalogue=made, fetch_wheel=FakeIndex(_wheel())))
    assert not (tmp_path / "tiny-rec").exists()


@pytest.mark.parametrize("field", ["wheel_sha256", "sha256"])
def test_a_wrong_sha256_is_refused_by_name(field: str, tmp_path: Path) -> None:
    made = tiny.catalogue(tiny.entry(_wheel_source(**{field: "0" * 64})))
    with pytest.raises(ArtifactError, match=f"pkg==1.0.*expected {'0' * 64}"):
        list(build((), tmp_path, catalogue=made, fetch_wheel=FakeIndex(_wheel())))
    assert not (tmp_path / "tiny-rec").exists()


def test_a_bad_wheel_is_not_kept_so_a_second_try_heals(tmp_path: Path) -> None:
    made = tiny.catalogue(tiny.entry(_wheel_source()))
    with pytest.raises(ArtifactError, match="sha256"):
        list(build((), tmp_path, catalogue=made, fetch_wheel=FakeIndex(b"half a wheel")))
    (built,) = build((), tmp_path, catalogue=made, fetch_wheel=FakeIndex(_wheel()))
    assert built.fresh


def test_a_file_that_the_wheel_lacks_is_named(tmp_path: Path) -> None:
    made = tiny.catalogue(tiny.entry(_wheel_source(file="pkg/other.onnx")))
    with pytest.raises(ArtifactError, match=r"no pkg/other\.onnx"):
        list(build((), tmp_path, catalogue=made, fetch_wheel=FakeIndex(_wheel())))


def test_pip_fails_with_its_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ArtifactError, match=r"no-such-package==1\.0: .+") as failed:
        pip_download("no-such-package==1.0", tmp_path)
    assert failed.value.code is ErrorCode.ARTIFACT_NOT_FOUND


CONFIG = b"Global: {model_name: tiny}\nPostProcess: {name: CTCLabelDecode, character_dict: [a, b]}\n"


def _url_source(**changes: Any) -> dict[str, Any]:
    config = {"url": "https://example.org/inference.yml", "sha256": tiny.sha256(CONFIG)}
    network = {"url": "https://example.org/inference.onnx", "sha256": tiny.sha256(NETWORK)}
    return {"kind": "url", **network, "config": config, **changes}


def test_a_url_brings_network_and_configuration(tmp_path: Path) -> None:
    pages = {"https://example.org/inference.onnx": NETWORK, "https://example.org/inference.yml": CONFIG}

    def fetch(url: str, into: IO[bytes], max_bytes: int) -> None:
        assert len(pages[url]) <= max_bytes
        into.write(pages[url])

    made = tiny.entry(_url_source(), inference=None, characters_from=None)
    (built,) = build((), tmp_path, catalogue=tiny.catalogue(made), fetch_url=fetch)
    artifact = load_artifact(built.folder)
    assert artifact.config["PostProcess"]["character_dict"] == ["a", "b"]
    assert artifact.manifest.source["url"] == "https://example.org/inference.onnx"
    pages["https://example.org/inference.onnx"] = b"other"
    (again,) = build((), tmp_path, catalogue=tiny.catalogue(made), fetch_url=fetch)
    assert again.identity == built.identity, "taken from the cache by its sha256"
    shutil.rmtree(tmp_path / ".sources")
    with pytest.raises(ArtifactError, match=r"https://example\.org/inference\.onnx: sha256"):
        list(build((), tmp_path, catalogue=tiny.catalogue(made), fetch_url=fetch))


@pytest.mark.parametrize("url", ["http://example.org/a", "file:///etc/passwd", "ftp://example.org/a"])
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        tiny.entry(_url_source(url=url), inference=None)
    with pytest.raises(ArtifactError, match="only https"):
        fetch_https(url, io.BytesIO(), 10)


def test_a_redirect_may_not_leave_https() -> None:
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(ArtifactError, match="not https"):
        _HttpsRedirects().redirect_request(
            request, io.BytesIO(), 302, "Found", http.client.HTTPMessage(), "http://example.org/a"
        )


def test_a_download_is_cut_off_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        def open(self, url: str, timeout: float) -> Endless:
            return self

        def __enter__(self) -> Endless:
            return self

        def __exit__(self, *args: object) -> None: ...

        def read(self, size: int) -> bytes:
            return bytes(size)

    monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: Endless())
    with pytest.raises(ArtifactError, match="more than 5,000,000 bytes"):
        fetch_https("https://example.org/a", io.BytesIO(), 5_000_000)


def test_a_model_of_this_machine(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    manifest = load_artifact(folder).manifest
    assert manifest.source["file"] == "net.onnx"
    assert str(tmp_path) not in (folder / "manifest.json").read_text()
    (tmp_path / "net.onnx").write_bytes(b"changed")
    made = tiny.entry({"kind": "file", "path": "net.onnx", "sha256": tiny.sha256(NETWORK)})
    with pytest.raises(ArtifactError, match=r"net.onnx: sha256 is"):
        list(build((), tmp_path / "root", catalogue=tiny.catalogue(made, folder=tmp_path)))


@pytest.mark.parametrize(
    "network", [b"\x80\x04pickle.", b"PK\x03\x04 torch", b"no model at all", b"\x3a\x02\x08\x08"]
)
@pytest.mark.parametrize("script", [None, "latin"])
def test_a_source_that_is_no_onnx_model_is_refused(
    network: bytes, script: str | None, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match=r"pickle|not an ONNX model|no symbols"):
        tiny.built(tmp_path, network, script)


def test_a_damaged_network_is_not_cut(tmp_path: Path) -> None:
    damaged = tiny.recogniser().replace(b"Softmax", b"Sof\xfftax")
    with pytest.raises(ArtifactError, match="not a valid ONNX model"):
        tiny.built(tmp_path, damaged, "latin")


def test_labels_must_be_the_classes_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(NETWORK)
    source = {"kind": "file", "path": "net.onnx", "sha256": tiny.sha256(NETWORK)}
    made = tiny.entry(
        source, inference={"label_list": ["text", "title"]}, labels={"title": "title"}, characters_from=None
    )
    with pytest.raises(ArtifactError, match="labels"):
        list(build((), tmp_path / "root", catalogue=tiny.catalogue(made, folder=tmp_path)))


def test_a_name_or_script_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pp-ocrv6-small-rec-latin"):
        list(build(["nothing"], tmp_path))
    with pytest.raises(ConfigurationError, match="no script 'klingon'"):
        list(build(["pp-ocrv6-small-rec"], tmp_path, "klingon"))


def test_a_subset_goes_by_either_name() -> None:
    catalogue = load_catalogue()
    for script in ("latin", "japanese"):
        name = f"pp-ocrv6-small-rec-{script}"
        assert catalogue.recipe(name) == catalogue.recipe("pp-ocrv6-small-rec", script)
        assert catalogue.recipe(name).name == name
    with pytest.raises(ConfigurationError, match="no artefact 'pp-ocrv6-small-det-latin'"):
        catalogue.recipe("pp-ocrv6-small-det", "latin")


def test_a_catalogue_of_ones_own_is_validated(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    for text, reason in {
        "[[artifact]]\nname = '../evil'": "name",
        "[[artifact": "cannot read",
        "[[artifact]]\nname = 'a'\nwhatever = 1": "version|whatever",
    }.items():
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=reason):
            load_catalogue(path)


def test_every_artefact_of_the_default_set_is_pinned_and_licensed() -> None:
    catalogue = load_catalogue()
    names = {recipe.name for recipe in catalogue}
    assert names >= {
        "pp-ocrv6-small-det",
        "pp-ocrv6-small-rec",
        "pp-ocrv6-small-rec-latin",
        "picodet-layout-cdla",
        "textline-orientation",
    }
    assert names <= catalogue.lock.keys()
    assert {recipe.entry.licence for recipe in catalogue} == {"Apache-2.0"}


def test_the_default_set_is_byte_for_byte_what_the_lock_says(tmp_path: Path) -> None:
    cached = artifacts_root() / ".sources"
    if not list(cached.glob("*.whl")):
        pytest.skip("no wheels fetched here: hybrid-ocr artifacts build")
    (tmp_path / ".sources").symlink_to(cached)
    lock = load_catalogue().lock
    for built in build((), tmp_path, force=True):
        assert built.identity.sha256 == lock[built.identity.name]
        assert verify(built.archive) == built.identity
