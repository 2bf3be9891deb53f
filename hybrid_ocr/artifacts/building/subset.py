"""Cut a CTC recogniser to a script: fewer symbols in its last layer, everything before it untouched.

The last layer is one matrix product and one bias, so a symbol is one column of the weight and one number of
the bias. Leaving columns out leaves the logits of the others as they were; only the softmax then shares its
sum among fewer symbols. The layer is found by its shape (... -> MatMul -> Add -> Softmax), never by names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts.building.scripts import Script
from hybrid_ocr.contracts.errors import ArtifactError

Model = Any
Node = Any
Tensor = Any
"""Messages of the onnx package, which is imported where a model is cut: nothing else here needs it."""


def split_characters(listed: str) -> list[str]:
    """The symbols of a recogniser from its metadata, where each is a line.

    Only a line feed ends a line, and nothing is stripped: U+3000, the ideographic space, is a symbol.
    """
    return listed.removesuffix("\n").split("\n")


def kept_classes(characters: list[str], script: Script) -> NDArray[np.intp]:
    """Indices of the classes that stay, ascending.

    Class 0 is the CTC blank, class i + 1 is `characters[i]`, and the last class is the space. The list has
    neither blank nor space: PaddleOCR's CTCLabelDecode puts both in place.

    Raises:
        ArtifactError: the recogniser knows no symbol of the script.
    """
    symbols = [i + 1 for i, symbol in enumerate(characters) if symbol in script]
    if not symbols:
        raise ArtifactError(f"the recogniser knows no symbol of the script {script.name!r}")
    return np.array([0, *symbols, len(characters) + 1], np.intp)


def cut_network(network: bytes, classes: NDArray[np.intp]) -> bytes:
    """The same network with only those classes, serialised the same way every time.

    Raises:
        ArtifactError: the network does not end in MatMul, Add and Softmax over two constants, or these have
            other uses, or fewer classes than asked for.
    """
    import onnx
    from onnx import numpy_helper

    model = _parse(network)
    weight, bias, outputs = _last_layer(model)
    total = weight.dims[-1]
    if classes[-1] >= total:
        raise ArtifactError(f"the network has {total} classes, too few for class {classes[-1]}")
    for tensor in (weight, bias):
        kept = np.ascontiguousarray(numpy_helper.to_array(tensor)[..., classes])
        tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))
    graph = model.graph
    for value in [*graph.output, *graph.value_info]:
        shape = value.type.tensor_type.shape
        if value.name in outputs and shape.dim and shape.dim[-1].dim_value == total:
            shape.dim[-1].dim_value = len(classes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def set_metadata(network: bytes, values: dict[str, str]) -> bytes:
    """The same network with some of its metadata_props replaced or added."""
    import onnx

    model = _parse(network)
    merged = {entry.key: entry.value for entry in model.metadata_props} | values
    onnx.helper.set_model_props(model, merged)
    return bytes(model.SerializeToString(deterministic=True))


def _parse(network: bytes) -> Model:
    import onnx

    try:
        model: Model = onnx.load_model_from_string(network)
        onnx.checker.check_model(model)
    except Exception as error:  # the errors of protobuf, onnx and UTF-8 share no base class
        raise ArtifactError(f"not a valid ONNX model: {str(error)[:200]}") from None
    return model


def _last_layer(model: Model) -> tuple[Tensor, Tensor, set[str]]:
    """Weight and bias of the last layer, and the names of the tensors that have one number for each class."""
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    if len(graph.output) != 1:
        raise ArtifactError("a CTC recogniser has one output")
    outputs: set[str] = set()

    def step_back(name: str, *kinds: str) -> Node:
        node = makers.get(name)
        outputs.add(name)
        if node is not None and node.op_type == "Identity":
            return step_back(node.input[0], *kinds)
        if node is None or node.op_type not in kinds:
            found = "an input" if node is None else node.op_type
            raise ArtifactError(
                f"the network does not end in MatMul, Add, Softmax: {found} in place of {kinds[0]}"
            )
        return node

    softmax = step_back(graph.output[0].name, "Softmax")
    add = step_back(softmax.input[0], "Add")
    bias_name, sum_name = sorted(add.input, key=lambda name: name not in constants)
    matmul = step_back(sum_name, "MatMul")
    weight_name = matmul.input[1]
    for name in (weight_name, bias_name):
        if name not in constants:
            raise ArtifactError(f"{name!r} of the last layer is not a constant of the network")
        if sum(list(node.input).count(name) for node in graph.node) != 1:
            raise ArtifactError(f"{name!r} of the last layer has other uses in the network")
    return constants[weight_name], constants[bias_name], outputs
