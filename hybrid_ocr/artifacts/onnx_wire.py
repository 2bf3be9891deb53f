"""Just enough of the protobuf wire format to question an ONNX file without the onnx package.

An endpoint must know two things before an engine may open a model: that no tensor lives in another file (an
engine would follow that path), and what the model says of itself. Both need only field numbers:
https://protobuf.dev/programming-guides/encoding/ and onnx/onnx.proto in the ONNX repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hybrid_ocr.contracts.errors import ArtifactError

Field = tuple[int, "int | memoryview"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH: Final = 32

# What a message of each kind holds that may itself lead to a tensor: field number -> kind.
_CHILDREN: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_TENSOR_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14
_MODEL_GRAPH, _MODEL_METADATA = 7, 14


def metadata(model: bytes) -> dict[str, str]:
    """The metadata_props of a serialised ModelProto.

    Raises:
        ArtifactError: the bytes are no ONNX model.
    """
    found: dict[str, str] = {}
    for number, value in _model_fields(model):
        if number == _MODEL_METADATA and isinstance(value, memoryview):
            entry = {n: bytes(v) for n, v in _fields(value) if isinstance(v, memoryview)}
            found[entry.get(1, b"").decode(errors="replace")] = entry.get(2, b"").decode(errors="replace")
    return found


def refuse_external_data(model: bytes, where: str) -> None:
    """Make sure that every tensor is inside the file.

    Raises:
        ArtifactError: the bytes are no ONNX model, or name a tensor that lies elsewhere.
    """
    _model_fields(model)
    _walk(memoryview(model), "model", where, depth=0)


def _model_fields(model: bytes) -> list[Field]:
    fields = list(_fields(memoryview(model)))
    if not any(number == _MODEL_GRAPH for number, _ in fields):
        raise ArtifactError("not an ONNX model: it has no graph")
    return fields


def _walk(message: memoryview, kind: str, where: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ArtifactError(f"{where}: graphs are nested more than {_MAX_DEPTH} deep")
    children = _CHILDREN[kind]
    name = "?"
    for number, value in _fields(message):
        if kind == "tensor":
            if number == _TENSOR_NAME and isinstance(value, memoryview):
                name = bytes(value).decode(errors="replace")
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
                raise ArtifactError(f"{where}: tensor {name!r} lies in another file (ONNX external data)")
        elif number in children and isinstance(value, memoryview):
            _walk(value, children[number], where, depth + 1)


def _fields(message: memoryview) -> Iterator[Field]:
    """Field numbers with their values; fixed-width numbers, which nothing here asks for, are skipped."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif wire_type == _BYTES:
            size, at = _varint(message, at)
            if number == 0 or size > end - at:
                raise ArtifactError("not an ONNX model: a field ends beyond its message")
            yield number, message[at : at + size]
            at += size
        elif wire_type in (_FIXED64, _FIXED32):
            at += 8 if wire_type == _FIXED64 else 4
        else:
            raise ArtifactError(f"not an ONNX model: wire type {wire_type}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ArtifactError("not an ONNX model: a number does not end")
