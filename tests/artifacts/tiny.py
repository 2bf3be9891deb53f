"""A recogniser of a few symbols, and artefacts made of it, so that most tests need no download."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hybrid_ocr.artifacts.building.build import build
from hybrid_ocr.artifacts.building.catalogue import Catalogue, Entry

SYMBOLS = ["!", "A", "b", "é", "中", "文", "　", "€"]
FEATURES = 6


def recogniser(symbols: list[str] = SYMBOLS, *, identity: bool = True, bias_first: bool = False) -> bytes:
    """(N, T, 6) features -> (N, T, classes) probabilities, ending as PP-OCR recognisers do."""
    classes = len(symbols) + 2
    rng = np.random.default_rng(7)
    weight = numpy_helper.from_array(rng.normal(size=(FEATURES, classes)).astype(np.float32), "w")
    bias = numpy_helper.from_array(rng.normal(size=classes).astype(np.float32), "b")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Add", ["b", "product"] if bias_first else ["product", "b"], ["logits"]),
    ]
    if identity:
        nodes.append(helper.make_node("Identity", ["logits"], ["same"]))
    nodes.append(helper.make_node("Softmax", ["same" if identity else "logits"], ["y"], axis=2))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "t", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "t", classes])],
        initializer=[weight, bias],
        value_info=[helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "t", classes])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"character": "\n".join(symbols)})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(source: dict[str, Any], **changes: Any) -> Entry:
    """A catalogue entry of a tiny recogniser."""
    fields: dict[str, Any] = {
        "name": "tiny-rec",
        "version": "1.0.0",
        "stage": "ocr",
        "description": "for tests",
        "licence": "Apache-2.0",
        "licence_source": "here",
        "source": source,
        "inference": {"Global": {"model_name": "tiny"}, "PostProcess": {"name": "CTCLabelDecode"}},
        "characters_from": "character",
    }
    return Entry.model_validate(fields | changes)


def catalogue(*entries: Entry, folder: Path = Path(), lock: dict[str, str] | None = None) -> Catalogue:
    return Catalogue({e.name: e for e in entries}, lock or {}, folder)


def built(tmp_path: Path, network: bytes | None = None, script: str | None = None) -> Path:
    """Build a tiny artefact; returns its folder, with NAME.tar.gz beside it."""
    network = recogniser() if network is None else network
    (tmp_path / "net.onnx").write_bytes(network)
    made = entry({"kind": "file", "path": "net.onnx", "sha256": sha256(network)})
    (answer,) = build([made.name], tmp_path / "root", script, catalogue=catalogue(made, folder=tmp_path))
    return answer.folder


def relist(folder: Path) -> None:
    """Make the manifest agree with whatever the files now are: what an attacker would do."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": sha256(data), "size": len(data)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
