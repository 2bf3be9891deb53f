from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.artifacts.building.scripts import load_scripts, script
from hybrid_ocr.artifacts.building.subset import cut_network, kept_classes, split_characters
from hybrid_ocr.artifacts.onnx_wire import metadata
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError
from tests.artifacts import tiny


def _logits(network: bytes, feed: dict[str, np.ndarray]) -> np.ndarray:
    """What goes into the softmax."""
    model = onnx.load_model_from_string(network)
    (softmax,) = [
        node
        for node in model.graph.node
        if node.op_type == "Softmax" and node.output[0] in {output.name for output in model.graph.output}
    ]
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(softmax.input[0]))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([softmax.input[0]], feed)[0]


def test_latin_has_what_european_documents_are_made_of() -> None:
    latin = script("latin")
    for symbol in "azAZ09 !~äöüßéèñçøÅœŒşğłőțĐ€£¥¢₹•–—“”‘’„«»…°½¼²™©®§µ×÷±≤≥≈−√∑→←ⅣⅷΩαβ№☐☑✓№‰†":  # noqa: RUF001
        assert symbol in latin, symbol
    for symbol in "中文。、「」あアンｶ한Ж😀，（":  # noqa: RUF001
        assert symbol not in latin, symbol


def test_scripts_extend_one_another() -> None:
    assert "é" in script("chinese")
    assert "中" in script("chinese")
    assert "あ" not in script("chinese")
    assert all(symbol in script("japanese") for symbol in "é中あア")
    assert all(part.description for part in load_scripts().values())


def test_an_unknown_script_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="chinese, japanese, latin"):
        script("klingon")


@given(st.lists(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=40, unique=True))
def test_blank_and_space_stay_and_order_is_kept(symbols: list[str]) -> None:
    latin = script("latin")
    wanted = [symbol for symbol in symbols if symbol in latin]
    assert split_characters("\n".join(symbols)) == symbols
    if not wanted:
        with pytest.raises(ArtifactError, match="knows no symbol"):
            kept_classes(symbols, latin)
        return
    classes = kept_classes(symbols, latin)
    assert classes[0] == 0, "the blank of CTC"
    assert classes[-1] == len(symbols) + 1, "the space"
    assert [symbols[i - 1] for i in classes[1:-1]] == wanted


@pytest.mark.parametrize("identity", [True, False])
@pytest.mark.parametrize("bias_first", [True, False])
def test_logits_of_the_symbols_that_stay_are_unchanged(identity: bool, bias_first: bool) -> None:
    network = tiny.recogniser(identity=identity, bias_first=bias_first)
    classes = kept_classes(tiny.SYMBOLS, script("latin"))
    feed = {"x": np.random.default_rng(1).normal(size=(2, 5, tiny.FEATURES)).astype(np.float32)}
    cut = cut_network(network, classes)
    np.testing.assert_allclose(_logits(cut, feed), _logits(network, feed)[..., classes], rtol=1e-6, atol=1e-6)
    probabilities = ort.InferenceSession(cut, providers=["CPUExecutionProvider"]).run(None, feed)[0]
    np.testing.assert_allclose(probabilities.sum(axis=2), 1.0, rtol=1e-5)


def test_shapes_and_symbols_of_a_cut_artefact_agree(tmp_path: Path) -> None:
    folder = tiny.built(tmp_path, script="latin")
    network = (folder / "inference.onnx").read_bytes()
    artifact = load_artifact(folder)
    kept = ["!", "A", "b", "é", "€"]
    assert artifact.identity.name == "tiny-rec-latin"
    assert artifact.manifest.script == "latin"
    assert "7 of 10 classes" in artifact.manifest.changes
    assert artifact.config["PostProcess"]["character_dict"] == kept
    assert split_characters(metadata(network)["character"]) == kept
    model = onnx.load_model_from_string(network)
    assert {
        v.type.tensor_type.shape.dim[-1].dim_value for v in [*model.graph.output, *model.graph.value_info]
    } == {7}


def _networks_that_end_otherwise() -> Iterator[bytes]:
    model = onnx.load_model_from_string(tiny.recogniser(identity=False))
    del model.graph.node[-1]
    model.graph.output[0].name = "logits"
    yield model.SerializeToString()
    model = onnx.load_model_from_string(tiny.recogniser())
    model.graph.node.append(onnx.helper.make_node("Identity", ["w"], ["other"]))
    yield model.SerializeToString()
    model = onnx.load_model_from_string(tiny.recogniser())
    model.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [6, 10]))
    del model.graph.initializer[0]
    yield model.SerializeToString()


@pytest.mark.parametrize(
    "network", list(_networks_that_end_otherwise()), ids=["no softmax", "shared", "no constant"]
)
def test_a_network_that_ends_otherwise_is_left_alone(network: bytes) -> None:
    with pytest.raises(ArtifactError):
        cut_network(network, np.array([0, 1, 9]))


def test_more_symbols_than_classes_are_noticed() -> None:
    with pytest.raises(ArtifactError, match="10 classes, too few"):
        cut_network(tiny.recogniser(), np.array([0, 1, 10]))


@pytest.fixture(scope="module")
def full_and_latin() -> tuple[Path, Path]:
    root = artifacts_root()
    pair = root / "pp-ocrv6-small-rec", root / "pp-ocrv6-small-rec-latin"
    if not all(path.is_dir() for path in pair):
        pytest.skip("the recogniser is not built here: hybrid-ocr artifacts build")
    return pair


def test_class_count_of_the_recogniser_is_blank_symbols_space(full_and_latin: tuple[Path, Path]) -> None:
    for folder, classes in zip(full_and_latin, (18_710, 1_188), strict=True):
        artifact = load_artifact(folder)
        listed = artifact.config["PostProcess"]["character_dict"]
        model = onnx.load(artifact.onnx)
        assert model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value == classes == len(listed) + 2
        assert len(set(listed)) == len(listed)
        assert " " not in listed, "the decoder appends the space"
        assert split_characters(metadata(artifact.onnx.read_bytes())["character"]) == listed
        text = (folder / "inference.yml").read_bytes()
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        assert yaml.load(text, Loader=loader) == json.loads(text)  # noqa: S506 - both loaders are safe


def test_the_real_recogniser_reads_the_same_after_the_cut(full_and_latin: tuple[Path, Path]) -> None:
    import cv2

    line = np.full((48, 640, 3), 255, np.uint8)
    cv2.putText(line, "Invoice No. 4711: 12.50", (8, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (20, 20, 20), 2)
    feed = {"x": ((line.astype(np.float32) / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]}
    full, latin = (load_artifact(folder) for folder in full_and_latin)
    symbols = full.config["PostProcess"]["character_dict"]
    classes = kept_classes(symbols, script("latin"))
    before = _logits(full.onnx.read_bytes(), feed)[..., classes]
    after = _logits(latin.onnx.read_bytes(), feed)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)
    names = ["", *latin.config["PostProcess"]["character_dict"], " "]
    best = after[0].argmax(axis=1)
    text = "".join(names[b] for i, b in enumerate(best) if b and (i == 0 or b != best[i - 1]))
    assert text.replace(" ", "") == "InvoiceNo.4711:12.50"
