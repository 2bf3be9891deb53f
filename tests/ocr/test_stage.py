"""The stage with its real network on drawn lines."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hybrid_ocr.artifacts import artifacts_root, load_artifact
from hybrid_ocr.contracts.errors import ArtifactError, DocumentError, EngineError
from hybrid_ocr.contracts.messages import LineCrop, PageCrops, PageText, TextLine
from hybrid_ocr.contracts.stage import EngineName, StageContext
from hybrid_ocr.stages.ocr.postprocess import alphabet
from hybrid_ocr.stages.ocr.recogniser import CtcRecogniser
from hybrid_ocr.stages.ocr.stage import OcrStage

MODEL = artifacts_root() / "pp-ocrv6-small-rec-latin"
TEXTS = ("Invoice 2041", "Total", "12.50", "The quick brown fox jumps over the lazy dog")


def drawn(text: str) -> np.ndarray:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 1.2, 2)
    line = np.full((48, width + 24, 3), 245, np.uint8)
    cv2.putText(line, text, (12, 35), cv2.FONT_HERSHEY_DUPLEX, 1.2, (30, 30, 30), 2, cv2.LINE_AA)
    return line


def page(lines: list[np.ndarray], number: int = 1) -> PageCrops:
    names = [f"l{index}" for index in range(1, len(lines) + 1)]
    box = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    return PageCrops(
        number=number,
        width=1000,
        height=1000,
        lines=tuple(TextLine(id=name, polygon=box, score=0.9) for name in names),
        crops=tuple(
            LineCrop(
                line_id=name,
                width=line.shape[1],
                height=line.shape[0],
                channels=3 if line.ndim == 3 else 1,
                encoding="raw",
                data=line.tobytes(),
            )
            for name, line in zip(names, lines, strict=True)
        ),
    )


def load(engine: EngineName = "openvino", model: Path = MODEL) -> OcrStage:
    return OcrStage.load(StageContext(model, engine=engine, threads=2, precision="f32"))


@pytest.fixture(scope="module")
def stage() -> OcrStage:
    return load()


def read(stage: OcrStage, crops: PageCrops) -> PageText:
    (answer,) = stage.run([crops])
    assert isinstance(answer, PageText)
    return answer


def test_lines_are_read_in_their_order(stage: OcrStage) -> None:
    answer = read(stage, page([drawn(text) for text in TEXTS]))
    assert tuple(line.text for line in answer.lines) == TEXTS
    for line in answer.lines:
        assert len(line.character_confidence) == len(line.text)
        assert line.confidence == pytest.approx(sum(line.character_confidence) / len(line.text))
        assert line.confidence > 0.8


def test_text_does_not_depend_on_the_company_a_line_is_in(stage: OcrStage) -> None:
    alone = [read(stage, page([drawn(text)])).lines[0].text for text in TEXTS]
    pages = [page([drawn(text) for text in reversed(TEXTS)], number) for number in (1, 2, 3)]
    for answer in stage.run(pages):
        assert isinstance(answer, PageText)
        assert [line.text for line in answer.lines] == alone[::-1]


def test_grey_crop_and_crop_of_another_height_are_read(stage: OcrStage) -> None:
    grey = cv2.cvtColor(drawn("Total 12.50"), cv2.COLOR_BGR2GRAY)
    large = cv2.resize(drawn("Total 12.50"), None, fx=1.6, fy=1.6)
    assert [line.text for line in read(stage, page([grey, large])).lines] == ["Total 12.50"] * 2


def test_line_without_text_is_answered_and_not_dropped(stage: OcrStage) -> None:
    (line,) = read(stage, page([np.full((48, 200, 3), 255, np.uint8)])).lines
    assert (line.text, line.confidence, line.character_confidence) == ("", 0.0, ())


def test_very_long_line_is_read_to_its_end(stage: OcrStage) -> None:
    words = " ".join(f"number{index}" for index in range(40))
    (line,) = read(stage, page([drawn(words)])).lines
    read_words, true_words = line.text.split(), words.split()
    assert read_words[0] == true_words[0]
    assert read_words[-1] == true_words[-1]
    assert len(set(read_words) & set(true_words)) >= 36


@pytest.mark.parametrize("shape", [(1, 1, 3), (48, 1, 3), (1, 3000, 3), (500, 3, 3)])
def test_crop_of_odd_shape_is_answered(stage: OcrStage, shape: tuple[int, int, int]) -> None:
    assert len(read(stage, page([np.zeros(shape, np.uint8)])).lines) == 1


def test_page_without_lines_and_no_page_at_all(stage: OcrStage) -> None:
    assert read(stage, page([])).lines == ()
    assert stage.run([]) == []


def test_page_whose_crops_are_broken_fails_alone(stage: OcrStage) -> None:
    good = page([drawn("Total")])
    broken = good.model_copy(update={"crops": (good.crops[0].model_copy(update={"data": b"12"}),)})
    answers = stage.run([good, broken, good])
    assert isinstance(answers[1], DocumentError)
    assert [answer.lines[0].text for answer in answers[::2] if isinstance(answer, PageText)] == ["Total"] * 2


def test_onnx_runtime_reads_the_same(stage: OcrStage) -> None:
    lines = page([drawn(text) for text in TEXTS])
    ours, other = read(stage, lines), read(load("onnxruntime-cpu"), lines)
    assert [line.text for line in other.lines] == [line.text for line in ours.lines]
    for one, two in zip(ours.lines, other.lines, strict=True):
        np.testing.assert_allclose(one.character_confidence, two.character_confidence, atol=0.01)


def test_cut_to_latin_the_model_reads_latin_as_before(stage: OcrStage) -> None:
    lines = page([drawn(text) for text in TEXTS])
    whole = read(load(model=artifacts_root() / "pp-ocrv6-small-rec"), lines)
    assert [line.text for line in whole.lines] == [line.text for line in read(stage, lines).lines]


def test_network_with_more_classes_than_the_dictionary_is_an_engine_error() -> None:
    symbols = alphabet(load_artifact(MODEL).config)

    def network(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.full((len(batch), 4), len(symbols)), np.ones((len(batch), 4)), np.zeros((len(batch), 4))

    with pytest.raises(EngineError, match="dictionary"):
        CtcRecogniser(network, symbols)([drawn("Total")])


def test_model_of_another_stage_is_refused() -> None:
    with pytest.raises(ArtifactError, match="text_detection"):
        OcrStage.load(StageContext(artifacts_root() / "pp-ocrv6-small-det"))
