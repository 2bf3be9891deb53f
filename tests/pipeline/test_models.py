"""Models that are not on this machine yet, and stages under another interpreter."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.errors import ArtifactError, EngineError, ErrorCode
from hybrid_ocr.contracts.messages import PageCrops, PageImage
from hybrid_ocr.engines.interpreters import python_of
from hybrid_ocr.opening import DocumentOpener
from hybrid_ocr.pipeline import Pipeline
from hybrid_ocr.pipeline.models import Models
from hybrid_ocr.pipeline.subprocess_stage import SubprocessStage
from hybrid_ocr.stages import load_stage


def test_the_first_use_builds_the_models_into_the_cache(tmp_path: Path, samples: Path) -> None:
    # The wheels lie there already, so that no index is asked.
    shutil.copytree(artifacts_root() / ".sources", tmp_path / ".sources")
    models = Models(script="latin", root=tmp_path)
    assert len(models.missing()) == len(models.names)
    with Pipeline(script="latin", artifacts=tmp_path) as pipeline:
        assert pipeline.read(samples / "receipt.png").status == "completed"
    assert models.missing() == []


def test_a_model_that_is_not_what_its_manifest_says_is_raised(tmp_path: Path, samples: Path) -> None:
    for name in Models().names.values():
        shutil.copytree(artifacts_root() / name, tmp_path / name)
    network = tmp_path / Models().names["ocr"] / "inference.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    with (
        Pipeline(artifacts=tmp_path) as pipeline,
        pytest.raises(ArtifactError, match=r"inference\.onnx"),
    ):
        pipeline.read(samples / "receipt.png")


@pytest.mark.parametrize(
    ("engine", "module", "remedy"),
    [
        ("openvino", "openvino", "hybrid-ocr[read]"),
        ("onnxruntime-cpu", "onnxruntime", "hybrid-ocr[onnxruntime]"),
    ],
)
def test_an_engine_that_is_not_installed_says_how(
    monkeypatch: pytest.MonkeyPatch, engine: str, module: str, remedy: str
) -> None:
    monkeypatch.setattr(f"{python_of.__module__}.find_spec", lambda name: None if name == module else name)
    with pytest.raises(EngineError) as raised:
        Pipeline(engine=engine)  # type: ignore[arg-type]
    assert raised.value.code == ErrorCode.ENGINE_UNAVAILABLE
    assert remedy in raised.value.message


def test_paddleocr_names_the_interpreter_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_OCR_PADDLE_PYTHON", "/no/such/python")
    with pytest.raises(EngineError, match=r"/no/such/python.*make paddle"):
        Pipeline(engine="paddleocr")


def test_cuda_is_missed_before_anything_starts() -> None:
    with pytest.raises(EngineError, match="CUDA"):
        Pipeline(engine="onnxruntime-cuda")


class TestElsewhere:
    """A stage in a process of its own says what it says here."""

    def test_the_answers_are_the_same(self, samples: Path) -> None:
        _, crops = _page_and_crops(samples / "receipt.png")
        context = Models(script="latin").context("ocr")
        stage = SubprocessStage("ocr", context, Path(sys.executable))
        here = load_stage("ocr", context)
        [there] = stage.run([crops])
        [expected] = here.run([crops])
        assert [line.text for line in there.lines] == [line.text for line in expected.lines]
        assert stage.model == here.model
        stage.close()

    def test_a_bad_page_is_an_error_and_the_next_is_read(self, samples: Path) -> None:
        page, _ = _page_and_crops(samples / "receipt.png")
        stage = SubprocessStage("text_detection", Models().context("text_detection"), Path(sys.executable))
        broken, good = stage.run([page.model_copy(update={"data": b"\xff\xd8\xff no jpeg"}), page])
        assert broken.code in {ErrorCode.CORRUPT_DOCUMENT, ErrorCode.TRUNCATED_IMAGE}
        assert good.lines
        stage.close()

    def test_a_model_that_is_not_there_is_raised(self, tmp_path: Path) -> None:
        context = Models(root=tmp_path).context("ocr")
        with pytest.raises(ArtifactError, match="no model artefact"):
            SubprocessStage("ocr", context, Path(sys.executable))

    def test_a_process_that_dies_is_an_engine_error(self, samples: Path) -> None:
        _, crops = _page_and_crops(samples / "receipt.png")
        stage = SubprocessStage("ocr", Models(script="latin").context("ocr"), Path(sys.executable))
        stage._process.kill()
        stage._process.wait()
        with pytest.raises(EngineError, match="the process of ocr ended"):
            stage.run([crops])


def _page_and_crops(path: Path) -> tuple[PageImage, PageCrops]:
    models = Models(script="latin")
    with DocumentOpener() as opener:
        [page] = load_stage("rotation", models.context("rotation")).run([opener.render(path, 1)])
    [crops] = load_stage("text_detection", models.context("text_detection")).run([page])
    return page, crops
