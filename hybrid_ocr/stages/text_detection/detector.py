"""Where the lines of a page stand: by our own DB pipeline, or by the paddleocr package."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact
from hybrid_ocr.contracts.errors import ArtifactError
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines import Network, NetworkSpec, load_network
from hybrid_ocr.stages.text_detection.postprocess import DbSettings, Quads, Scores, find_quads
from hybrid_ocr.stages.text_detection.preprocess import resize, survey, working_size

# paddleocr knows no size by text height; this long side keeps small print readable.
_PADDLE_LONGEST_SIDE: Final = 1600
_WARM_UP: Final = ((640, 448), (896, 640))


class TextDetector(Protocol):
    """Finds lines on one page."""

    def __call__(self, page: NDArray[np.uint8]) -> tuple[Quads, Scores]:
        """Quads (N, 4, 2) and scores (N,), float32, of a page (H, W, 3) uint8; raises EngineError."""
        ...


def load_detector(artifact: Artifact, context: StageContext) -> TextDetector:
    """The detector that runs on the chosen engine.

    Raises:
        ArtifactError, EngineError, ConfigurationError: as the engine says.
    """
    if context.engine == "paddleocr":
        from hybrid_ocr.stages.text_detection.paddle import PaddleTextDetector

        return PaddleTextDetector(artifact, context, longest_side=_PADDLE_LONGEST_SIDE)
    mean, scale = _normalisation(artifact)
    spec = NetworkSpec(
        onnx=artifact.onnx,
        mean=mean,
        scale=scale,
        threads=context.threads,
        precision=context.precision,
        cache_dir=context.cache_dir,
    )
    detector = DbDetector(load_network(context.engine, spec), DbSettings.parse(artifact.config))
    if context.warm_up:
        detector.warm_up()
    return detector


class DbDetector:
    """A DB network with its sizes and thresholds. Pages run one by one: their sizes differ."""

    def __init__(self, network: Network, settings: DbSettings) -> None:
        self._network = network
        self._settings = settings

    def warm_up(self) -> None:
        """Run the network once for each of the sizes that pages meet first."""
        for height, width in _WARM_UP:
            self._network(np.zeros((1, height, width, 3), np.uint8))

    def __call__(self, page: NDArray[np.uint8]) -> tuple[Quads, Scores]:
        """Find the lines of a page, see `TextDetector`."""
        (left, top, right, bottom), text_height = survey(page)
        part = page[top:bottom, left:right]
        size = (right - left, bottom - top)
        (probabilities,) = self._network(resize(part, working_size(*size, text_height))[None])
        quads, scores = find_quads(probabilities[0, 0], self._settings, size)
        return quads + np.array([left, top], np.float32), scores


Triple = tuple[float, float, float]


def _normalisation(artifact: Artifact) -> tuple[Triple, Triple]:
    """Mean and scale on pixel values 0..255 from the NormalizeImage step of an inference.yml."""
    try:
        steps = artifact.config["PreProcess"]["transform_ops"]
        step = next(op["NormalizeImage"] for op in steps if "NormalizeImage" in op)
        mean, std = step["mean"], step["std"]
        return (
            (float(mean[0]) * 255, float(mean[1]) * 255, float(mean[2]) * 255),
            (float(std[0]) * 255, float(std[1]) * 255, float(std[2]) * 255),
        )
    except (KeyError, TypeError, ValueError, IndexError, StopIteration) as error:
        raise ArtifactError(
            f"{artifact.identity.name}: inference.yml has no usable NormalizeImage step"
        ) from error
