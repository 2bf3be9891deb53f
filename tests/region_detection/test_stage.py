from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hybrid_ocr.artifacts import Artifact, Manifest, artifacts_root
from hybrid_ocr.artifacts.folder import identity_of
from hybrid_ocr.contracts.errors import ArtifactError, ConfigurationError, DocumentError, EngineError
from hybrid_ocr.contracts.messages import PageImage, PageRegions
from hybrid_ocr.contracts.stage import EngineName, StageContext
from hybrid_ocr.stages.region_detection.stage import RegionDetectionStage

STRIDES = (32, 64)
SIZE = (64, 128)
CELLS = [(2, 4), (1, 2)]
CONFIG = {
    "Preprocess": [
        {"type": "Resize", "target_size": [128, 64]},
        {"type": "NormalizeImage", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        {"type": "Permute"},
    ],
    "NMS": {"score_threshold": 0.5, "nms_threshold": 0.5},
    "fpn_stride": list(STRIDES),
    "label_list": ["para", "grid"],
}


def _artifact(labels: dict[str, str] | None = None, config: dict[str, Any] | None = None) -> Artifact:
    digest = {"sha256": "0" * 64, "size": 1}
    manifest = Manifest.model_validate(
        {
            "name": "tiny-layout",
            "version": "1",
            "stage": "region_detection",
            "description": "",
            "licence": "MIT",
            "licence_source": "here",
            "source": {},
            "labels": {"para": "text", "grid": "table"} if labels is None else labels,
            "files": {"inference.onnx": digest, "inference.yml": digest},
        }
    )
    identity = identity_of(manifest, manifest.to_bytes())
    return Artifact(identity, manifest, Path("inference.onnx"), CONFIG if config is None else config)


class FakeNetwork:
    """Sees what it was told to: (level, row, column, class, score), each box one stride to every side."""

    def __init__(self, *seen: tuple[int, int, int, int, float]) -> None:
        self.scores = [np.zeros((1, h * w, 2), np.float32) for w, h in CELLS]
        self.logits = [np.zeros((1, h * w, 4 * 8), np.float32) for w, h in CELLS]
        for level, row, column, label, score in seen:
            cell = row * CELLS[level][0] + column
            self.scores[level][0, cell, label] = score
            self.logits[level][0, cell].reshape(4, 8)[:, 1] = 50.0
        self.inputs: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        self.inputs.append(images)
        return (*self.scores, *self.logits)


def _page(width: int = 128, height: int = 256, number: int = 1, encoding: Any = "png") -> PageImage:
    _, data = cv2.imencode(".png", np.full((height, width, 3), 200, np.uint8))
    return PageImage(number=number, width=width, height=height, encoding=encoding, data=data.tobytes())


def test_boxes_are_in_pixels_of_the_page_and_never_beyond_it() -> None:
    network = FakeNetwork((0, 3, 1, 1, 0.75), (0, 1, 0, 0, 0.9))
    (answer,) = RegionDetectionStage(network, _artifact()).run([_page()])
    assert isinstance(answer, PageRegions)
    assert [(r.id, r.label, r.bbox, r.score) for r in answer.regions] == [
        ("r1", "text", (0.0, 32.0, 96.0, 160.0), pytest.approx(0.9)),
        ("r2", "table", (32.0, 160.0, 128.0, 256.0), pytest.approx(0.75)),
    ]
    assert (answer.width, answer.height) == (128, 256)
    assert network.inputs[-1].shape == (1, SIZE[1], SIZE[0], 3)
    assert network.inputs[-1].dtype == np.uint8


def test_regions_are_numbered_from_top_to_bottom_then_from_left_to_right() -> None:
    network = FakeNetwork((0, 3, 0, 0, 0.99), (0, 0, 1, 1, 0.6), (0, 0, 0, 0, 0.7))
    (answer,) = RegionDetectionStage(network, _artifact()).run([_page()])
    assert isinstance(answer, PageRegions)
    assert [r.id for r in answer.regions] == ["r1", "r2", "r3"]
    corners = [(r.bbox[1], r.bbox[0]) for r in answer.regions]
    assert corners == sorted(corners)


def test_one_bad_page_is_answered_alone() -> None:
    good, cut = _page(number=1), _page(number=2)
    cut = cut.model_copy(update={"data": cut.data[: len(cut.data) // 2]})
    lying = _page(number=3).model_copy(update={"width": 129})
    answers = RegionDetectionStage(FakeNetwork((0, 0, 0, 0, 0.9)), _artifact()).run([good, cut, lying, good])
    assert [type(a) for a in answers] == [PageRegions, DocumentError, DocumentError, PageRegions]


def test_a_page_of_one_pixel_is_a_page() -> None:
    (answer,) = RegionDetectionStage(FakeNetwork((0, 0, 0, 0, 0.9)), _artifact()).run([_page(1, 1)])
    assert isinstance(answer, PageRegions)
    assert answer.regions[0].bbox == (0.0, 0.0, 0.75, 0.38)


def test_numbers_that_are_none_are_an_error_of_that_page() -> None:
    network = FakeNetwork()
    stage = RegionDetectionStage(network, _artifact())
    network.logits[0][0, 0, 0] = np.nan
    (answer,) = stage.run([_page()])
    assert isinstance(answer, EngineError)


def test_a_network_with_other_outputs_is_refused_at_start() -> None:
    config = CONFIG | {"label_list": ["para", "grid", "third"]}
    labels = {"para": "text", "grid": "table", "third": "title"}
    with pytest.raises(ArtifactError, match="outputs are not those of its inference.yml"):  # noqa: RUF043
        RegionDetectionStage(FakeNetwork(), _artifact(labels, config)).warm_up()


def test_a_class_without_a_label_is_refused_by_name() -> None:
    with pytest.raises(ArtifactError, match="no label onto grid"):
        RegionDetectionStage(FakeNetwork(), _artifact({"para": "text"}))


@pytest.mark.parametrize("missing", ["Preprocess", "NMS", "fpn_stride", "label_list"])
def test_a_configuration_of_another_kind_is_refused_by_name(missing: str) -> None:
    config = {key: value for key, value in CONFIG.items() if key != missing}
    with pytest.raises(ArtifactError, match=missing):
        RegionDetectionStage(FakeNetwork(), _artifact(config=config))


LAYOUT = artifacts_root() / "picodet-layout-cdla"
needs_weights = pytest.mark.skipif(not LAYOUT.is_dir(), reason="not built: hybrid-ocr artifacts build")


def _stage(engine: EngineName = "openvino", **options: str) -> RegionDetectionStage:
    return RegionDetectionStage.load(StageContext(LAYOUT, engine, 2, "f32", options=options))


@needs_weights
@pytest.mark.parametrize("threshold", ["high", "-0.1", "1.5", "nan"])
def test_a_threshold_that_is_none_is_refused(threshold: str) -> None:
    with pytest.raises(ConfigurationError, match="score_threshold"):
        _stage(score_threshold=threshold)


@needs_weights
def test_a_model_of_another_stage_is_refused() -> None:
    other = LAYOUT.with_name("pp-ocrv6-small-det")
    if not other.is_dir():
        pytest.skip("not built: hybrid-ocr artifacts build")
    with pytest.raises(ArtifactError, match="text_detection"):
        RegionDetectionStage.load(StageContext(other))


def _column_page() -> PageImage:
    """Two columns of lines below a large heading, as a JPEG of A4 at 150 dpi."""
    image = np.full((1754, 1240, 3), 255, np.uint8)
    cv2.putText(image, "A heading of two words", (150, 180), cv2.FONT_HERSHEY_COMPLEX, 1.9, (0, 0, 0), 4)
    for left in (120, 650):
        for top in range(320, 1600, 26):
            cv2.putText(image, "some words of a line of this text", (left, top), 3, 0.75, (30, 30, 30), 1)
    _, data = cv2.imencode(".jpg", image)
    return PageImage(number=1, width=1240, height=1754, encoding="jpeg", data=data.tobytes())


@needs_weights
def test_columns_of_text_are_found_and_both_engines_agree() -> None:
    answers = [_stage(engine).run([_column_page()])[0] for engine in ("openvino", "onnxruntime-cpu")]
    found = []
    for answer in answers:
        assert isinstance(answer, PageRegions)
        found.append(answer.regions)
        columns = [r for r in answer.regions if r.label in {"text", "reference"}]
        assert any(r.bbox[2] < 640 and r.bbox[3] - r.bbox[1] > 900 for r in columns), "the left one"
        assert any(r.bbox[0] > 600 and r.bbox[3] - r.bbox[1] > 900 for r in columns), "the right one"
    assert [r.label for r in found[0]] == [r.label for r in found[1]]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.bbox, theirs.bbox, atol=1.0)


# PubLayNet's labels in ours: it has captions as text, and no headers at all.
SAME = {
    "figure_caption": "text",
    "table_caption": "text",
    "reference": "text",
    "list": "text",
    "equation": "text",
}


def _area(boxes: list[tuple[float, ...]], width: int, height: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes:
        mask[int(top) : int(bottom), int(left) : int(right)] = True
    return mask


@needs_weights
def test_regions_of_real_pages_cover_what_people_marked(real_documents: Path) -> None:
    """By area, because people marked paragraphs and this network whole columns."""
    truth = json.loads((real_documents / "layout" / "annotations.json").read_text())
    names = {c["id"]: c["name"] for c in truth["categories"]}
    stage = _stage()
    common = dict.fromkeys(("text", "table", "figure"), 0.0)
    found, marked = dict(common), dict(common)
    for image in truth["images"]:
        path = real_documents / "layout" / image["file_name"]
        if not path.is_file():
            continue
        width, height = image["width"], image["height"]
        page = PageImage(number=1, width=width, height=height, encoding="jpeg", data=path.read_bytes())
        (answer,) = stage.run([page])
        assert isinstance(answer, PageRegions)
        boxes: dict[str, list[tuple[float, ...]]] = {label: [] for label in common}
        wanted: dict[str, list[tuple[float, ...]]] = {label: [] for label in common}
        for region in answer.regions:
            boxes.get(SAME.get(region.label, region.label), []).append(region.bbox)
        for mark in truth["annotations"]:
            if mark["image_id"] == image["id"]:
                x, y, w, h = mark["bbox"]
                name = names[mark["category_id"]]
                wanted.get(SAME.get(name, name), []).append((x, y, x + w, y + h))
        for label in common:
            ours, theirs = _area(boxes[label], width, height), _area(wanted[label], width, height)
            common[label] += (ours & theirs).sum()
            found[label] += ours.sum()
            marked[label] += theirs.sum()
    for label, floor in {"text": 0.95, "table": 0.94, "figure": 0.86}.items():
        assert common[label] / found[label] > floor, f"precision of {label}"
        assert common[label] / marked[label] > floor, f"recall of {label}"
