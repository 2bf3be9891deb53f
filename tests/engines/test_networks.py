"""The engines agree on the same network; what cannot run says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from hybrid_ocr.contracts.errors import ConfigurationError, EngineError, ErrorCode
from hybrid_ocr.contracts.stage import EngineName
from hybrid_ocr.engines import NetworkSpec, load_network

CPU_ENGINES: tuple[EngineName, ...] = ("openvino", "onnxruntime-cpu")
RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 255, (2, 32, 64, 3), np.uint8)


def save(path: Path, nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], rank: int) -> Path:
    dynamic = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dynamic)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * rank)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return save(tmp_path / "identity.onnx", [helper.make_node("Identity", ["x"], ["y"])], {}, 4)


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """Mean over rows, then 5 classes for each column: (N, W, 5) probabilities."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Transpose", ["mean"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["steps", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["y"], axis=2),
    ]
    weights = RNG.normal(size=(3, 5)).astype(np.float32)
    return save(tmp_path / "classifier.onnx", nodes, {"weights": weights}, 3)


@pytest.mark.parametrize("engine", CPU_ENGINES)
@pytest.mark.parametrize("channels", ["bgr", "rgb"])
def test_network_sees_normalised_pixels_with_channels_first(
    engine: EngineName, channels: str, identity: Path
) -> None:
    mean, scale = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    spec = NetworkSpec(identity, mean=mean, scale=scale, channels=channels, precision="f32")  # type: ignore[arg-type]
    (seen,) = load_network(engine, spec)(IMAGES)
    ordered = IMAGES[..., ::-1] if channels == "rgb" else IMAGES
    np.testing.assert_allclose(seen, ((ordered - np.array(mean)) / scale).transpose(0, 3, 1, 2), rtol=1e-5)


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_ctc_head_gives_best_class_its_probability_and_that_of_the_last(
    engine: EngineName, classifier: Path
) -> None:
    raw = NetworkSpec(classifier, scale=(255.0,) * 3, precision="f32")
    (scores,) = load_network("onnxruntime-cpu", raw)(IMAGES)
    ctc = NetworkSpec(classifier, scale=(255.0,) * 3, precision="f32", head="ctc")
    classes, best, last = load_network(engine, ctc)(IMAGES)
    assert classes.shape == best.shape == last.shape == (2, 64)
    assert np.array_equal(classes, scores.argmax(axis=2))
    np.testing.assert_allclose(best, scores.max(axis=2), rtol=1e-4)
    np.testing.assert_allclose(last, scores[..., -1], rtol=1e-4)


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_answers_are_not_overwritten_by_the_next_call(engine: EngineName, identity: Path) -> None:
    network = load_network(engine, NetworkSpec(identity, precision="f32"))
    (first,) = network(IMAGES)
    kept = first.copy()
    network(255 - IMAGES)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_any_size_runs(engine: EngineName, identity: Path) -> None:
    network = load_network(engine, NetworkSpec(identity, precision="f32"))
    assert [network(np.zeros((n, h, w, 3), np.uint8))[0].shape for n, h, w in [(1, 8, 9), (3, 5, 7)]] == [
        (1, 3, 8, 9),
        (3, 3, 5, 7),
    ]


def _has_cuda() -> bool:
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


@pytest.mark.skipif(_has_cuda(), reason="this build of ONNX Runtime has CUDA")
def test_cuda_that_is_not_here_is_refused_rather_than_replaced_by_the_cpu(identity: Path) -> None:
    with pytest.raises(EngineError) as caught:
        load_network("onnxruntime-cuda", NetworkSpec(identity))
    assert caught.value.code == ErrorCode.ENGINE_UNAVAILABLE


@pytest.mark.gpu
@pytest.mark.skipif(not _has_cuda(), reason="needs a CUDA device and onnxruntime-gpu")
def test_cuda_runs_the_network(classifier: Path) -> None:
    spec = NetworkSpec(classifier, scale=(255.0,) * 3)
    (on_cuda,) = load_network("onnxruntime-cuda", spec)(IMAGES)
    (on_cpu,) = load_network("onnxruntime-cpu", spec)(IMAGES)
    np.testing.assert_allclose(on_cuda, on_cpu, atol=1e-3)


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_file_that_is_no_network_is_an_engine_error(engine: EngineName, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07not a network")
    with pytest.raises(EngineError):
        load_network(engine, NetworkSpec(broken))


@pytest.mark.parametrize("engine", CPU_ENGINES)
def test_failure_while_running_is_an_engine_error(engine: EngineName, classifier: Path) -> None:
    network = load_network(engine, NetworkSpec(classifier))
    with pytest.raises(EngineError) as caught:
        network(np.zeros((1, 4, 4, 5), np.uint8))
    assert caught.value.code == ErrorCode.ENGINE_FAILED


def test_precision_that_an_engine_lacks_is_refused(identity: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_network("onnxruntime-cpu", NetworkSpec(identity, precision="bf16"))
    with pytest.raises(ConfigurationError):
        load_network("openvino", NetworkSpec(identity, precision="f16"))


def test_paddleocr_is_no_engine_for_single_networks(identity: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_network("paddleocr", NetworkSpec(identity))


def test_compiled_network_is_kept_between_starts(identity: Path, tmp_path: Path) -> None:
    spec = NetworkSpec(identity, cache_dir=tmp_path / "cache", precision="f32")
    (first,) = load_network("openvino", spec)(IMAGES)
    assert list((tmp_path / "cache").iterdir())
    (again,) = load_network("openvino", spec)(IMAGES)
    assert np.array_equal(first, again)
