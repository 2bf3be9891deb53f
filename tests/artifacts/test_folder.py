from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.artifacts.folder import parse_config
from hybrid_ocr.artifacts.onnx_wire import metadata, refuse_external_data
from hybrid_ocr.contracts.errors import ArtifactError, ErrorCode
from tests.artifacts import tiny


def test_a_whole_artefact_loads(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    artifact = load_artifact(folder)
    assert artifact.identity.sha256 == tiny.sha256((folder / "manifest.json").read_bytes())
    assert artifact.onnx == folder / "inference.onnx"
    assert artifact.config["PostProcess"]["character_dict"] == tiny.SYMBOLS
    assert artifact.manifest.stage == "ocr"


def test_a_missing_folder_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="artifacts build") as missing:
        load_artifact(tmp_path / "none")
    assert missing.value.code is ErrorCode.ARTIFACT_NOT_FOUND


def test_a_model_of_another_stage_is_refused_by_name(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    with pytest.raises(ArtifactError, match="tiny-rec is a model of stage ocr, not of rotation"):
        load_artifact(folder, stage="rotation")
    assert load_artifact(folder, stage="ocr").manifest.stage == "ocr"


def _flip_a_bit(folder: Path) -> None:
    data = bytearray((folder / "inference.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "inference.onnx").write_bytes(data)


def _to_symlink(folder: Path) -> None:
    (folder / "inference.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "inference.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def _to_fifo(folder: Path) -> None:
    (folder / "inference.yml").unlink()
    os.mkfifo(folder / "inference.yml")


def _drop_from_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["files"]["inference.yml"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _list_a_path(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0" * 64, "size": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (_flip_a_bit, r"'inference.onnx' has not the sha256"),
    "a symlink": (_to_symlink, r"'inference.onnx' is a symlink"),
    "a fifo": (_to_fifo, r"'inference.yml' is not a regular file"),
    "a lost file": (lambda f: (f / "inference.yml").unlink(), r"'inference.yml' is listed .* but missing"),
    "a pickle": (lambda f: (f / "extra.pkl").write_bytes(b"x"), r"'extra.pkl' .*pickle"),
    "a stranger": (lambda f: (f / "code.py").write_text("x"), r"'code.py' is not part of an artefact"),
    "an unlisted file": (lambda f: (f / "LICENSE").write_text("x"), r"'LICENSE' is not listed"),
    "a manifest without its config": (_drop_from_manifest, r"lists no inference.yml"),
    "a manifest with a path": (_list_a_path, r"manifest.json: files"),
    "no JSON": (lambda f: (f / "manifest.json").write_text("{"), r"manifest.json"),
}


@pytest.mark.parametrize("what", HARM)
def test_harm_is_found_and_named(what: str, tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    harm, reason = HARM[what]
    harm(folder)
    with pytest.raises(ArtifactError, match=reason) as refused:
        load_artifact(folder)
    assert refused.value.code is ErrorCode.ARTIFACT_INVALID


def _external(name: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def _with_initializer() -> onnx.ModelProto:
    return helper.make_model(helper.make_graph([], "g", [], [], initializer=[_external("far")]))


def _with_constant_in_a_branch() -> onnx.ModelProto:
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=_external("far"))], "then", [], []
    )
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    return helper.make_model(helper.make_graph([node], "g", [], []))


@pytest.mark.parametrize("make", [_with_initializer, _with_constant_in_a_branch])
def test_a_tensor_in_another_file_is_refused(make: Callable[[], onnx.ModelProto]) -> None:
    with pytest.raises(ArtifactError, match="'far' lies in another file"):
        refuse_external_data(make().SerializeToString(), "model")


def test_external_data_is_refused_even_if_the_manifest_lists_it(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    (folder / "inference.onnx").write_bytes(_with_initializer().SerializeToString())
    tiny.relist(folder)
    with pytest.raises(ArtifactError, match="external data"):
        load_artifact(folder)


@pytest.mark.parametrize(
    "data", [b"", b"\x08\x08", b"not a model", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 40]
)
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="not an ONNX model"):
        refuse_external_data(data, "model")


def test_metadata_is_what_the_onnx_package_reads() -> None:
    network = tiny.recogniser()
    expected = {p.key: p.value for p in onnx.load_model_from_string(network).metadata_props}
    assert metadata(network) == expected


def test_config_is_yaml_to_everyone_else(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path)
    data = (folder / "inference.yml").read_bytes()
    assert yaml.safe_load(data) == json.loads(data) == load_artifact(folder).config


def test_a_config_in_yaml_is_read_without_running_anything() -> None:
    assert parse_config(b"Global:\n  model_name: x\n", "c") == {"Global": {"model_name": "x"}}
    for data in (b"!!python/object/apply:os.system ['true']", b"- a list", b"a: [", b"\xff\xfe\x00"):
        with pytest.raises(ArtifactError):
            parse_config(data, "c")


def test_the_root_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYBRID_OCR_ARTIFACTS", str(tmp_path))
    assert artifacts_root() == tmp_path
