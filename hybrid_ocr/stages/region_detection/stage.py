"""Region detection: a page image in, labelled boxes out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Self, get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact, load_artifact
from hybrid_ocr.contracts.errors import (
    ArtifactError,
    ConfigurationError,
    DocumentError,
    EngineError,
    OcrError,
)
from hybrid_ocr.contracts.messages import Label, ModelIdentity, PageImage, PageRegions, Region
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines import Network, NetworkSpec, load_network
from hybrid_ocr.images import decode_page
from hybrid_ocr.stages.region_detection.postprocess import Detections, absorb_nested, decode, suppress
from hybrid_ocr.stages.region_detection.preprocess import LayoutConfig, fit

LABELS: Final[tuple[Label, ...]] = get_args(Label)

# Two boxes of different labels that share this much are one area of the page seen twice.
_ANY_LABEL_IOU: Final = 0.8
# A box with this share inside a larger one of its label is a part of it.
_NESTED_SHARE: Final = 0.8


class RegionDetectionStage:
    """A PicoDet layout model. Pages run one by one: the network was exported for a batch of one."""

    def __init__(self, network: Network, artifact: Artifact, score_threshold: float | None = None) -> None:
        """Check that network and configuration belong together; see `load` for the errors."""
        self._network = network
        self._artifact = artifact
        self._config = LayoutConfig.parse(artifact.config)
        self._threshold = (
            self._config.suppression.score_threshold if score_threshold is None else score_threshold
        )
        self._labels = _label_indices(artifact, self._config)
        self._fits = False

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Load and warm up. The option `score_threshold` (0..1) replaces the artefact's.

        Raises:
            ArtifactError: the artefact is missing, not verified, or no layout model.
            EngineError, ConfigurationError: see `load_network`.
        """
        artifact = load_artifact(context.model_dir, stage="region_detection")
        config = LayoutConfig.parse(artifact.config)
        spec = NetworkSpec(
            onnx=artifact.onnx,
            mean=config.mean,
            scale=config.scale,
            threads=context.threads,
            precision=context.precision,
            cache_dir=context.cache_dir,
        )
        threshold = _threshold_option(context.options)
        stage = cls(load_network(context.engine, spec), artifact, threshold)
        if context.warm_up:
            stage.warm_up()
        return stage

    @property
    def model(self) -> ModelIdentity:
        """The weights that answer."""
        return self._artifact.identity

    def run(self, batch: Sequence[PageImage]) -> list[PageRegions | OcrError]:
        """Find the regions of every page; one that cannot be decoded is answered with its DocumentError."""
        answers: list[PageRegions | OcrError] = []
        for page in batch:
            started = time.perf_counter()
            try:
                image = decode_page(page, at_least=self._config.size)
            except DocumentError as error:
                answers.append(error)
                continue
            outputs = self._outputs(fit(image, self._config.size))
            if not all(np.isfinite(output).all() for output in outputs):
                answers.append(EngineError(f"the layout network answered page {page.number} with no numbers"))
                continue
            regions = _as_regions(self._detections(outputs), page, self._config.size)
            seconds = time.perf_counter() - started
            answers.append(
                PageRegions(
                    number=page.number,
                    width=page.width,
                    height=page.height,
                    regions=regions,
                    seconds=seconds,
                )
            )
        return answers

    def _detections(self, outputs: Sequence[NDArray[Any]]) -> Detections:
        """What stands on one page, in pixels of the network's input; classes are indices of `LABELS`."""
        levels = len(self._config.strides)
        scores, distributions = [o[0] for o in outputs[:levels]], [o[0] for o in outputs[levels:]]
        found = decode(scores, distributions, self._config.strides, self._config.size, self._threshold)
        found = replace(found, classes=self._labels[found.classes])
        return absorb_nested(
            suppress(found, self._config.suppression.nms_threshold, _ANY_LABEL_IOU), _NESTED_SHARE
        )

    def warm_up(self) -> None:
        """Run once on a blank page; raises ArtifactError where the outputs are not the configuration's."""
        width, height = self._config.size
        self._outputs(np.full((1, height, width, 3), 255, np.uint8))

    def _outputs(self, image: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        outputs = self._network(image)
        if not self._fits:
            self._check(outputs)
            self._fits = True
        return outputs

    def _check(self, outputs: Sequence[NDArray[Any]]) -> None:
        """See once that the outputs are those of the configuration."""
        width, height = self._config.size
        cells = [-(-width // s) * -(-height // s) for s in self._config.strides]
        expected = [(1, n, len(self._config.classes)) for n in cells]
        if [output.shape for output in outputs[: len(cells)]] != expected or len(outputs) != 2 * len(cells):
            raise ArtifactError(
                f"{self.model.name}: the network's outputs are not those of its inference.yml: "
                f"{[output.shape for output in outputs]}"
            )


def _as_regions(found: Detections, page: PageImage, size: tuple[int, int]) -> tuple[Region, ...]:
    """Detections as regions of the page, named r1, r2, ... from top to bottom, then from left to right."""
    to_page = np.array([page.width / size[0], page.height / size[1]] * 2, np.float64)
    limits = np.array([page.width, page.height] * 2, np.float64)
    boxes = np.clip(found.boxes * to_page, 0, limits).round(2)
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    order = [i for i in np.lexsort((boxes[:, 0], boxes[:, 1])) if inside[i]]
    return tuple(
        Region(
            id=f"r{number}",
            label=LABELS[found.classes[i]],
            bbox=(float(boxes[i, 0]), float(boxes[i, 1]), float(boxes[i, 2]), float(boxes[i, 3])),
            score=min(1.0, round(float(found.scores[i]), 4)),
        )
        for number, i in enumerate(order, start=1)
    )


def _label_indices(artifact: Artifact, config: LayoutConfig) -> NDArray[np.int64]:
    """For every class of the network the index of its label in `LABELS`."""
    labels = artifact.manifest.labels
    missing = [name for name in config.classes if name not in labels]
    if missing:
        raise ArtifactError(f"{artifact.identity.name}: the manifest maps no label onto {', '.join(missing)}")
    return np.array([LABELS.index(labels[name]) for name in config.classes], np.int64)


def _threshold_option(options: dict[str, str]) -> float | None:
    given = options.get("score_threshold")
    if given is None:
        return None
    try:
        threshold = float(given)
    except ValueError:
        threshold = -1.0
    if not 0.0 <= threshold <= 1.0:
        raise ConfigurationError(f"score_threshold is a number from 0 to 1, not {given!r}")
    return threshold
