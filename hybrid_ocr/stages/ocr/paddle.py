"""Recognition by the `paddleocr` package: the reference for our own resizing, batching and decoding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.paddle import PaddlePredictor


class PaddleRecogniser:
    """Reads lines.

    Args:
        artifact: the verified artefact at `context.model_dir`.
        context: where it runs; CPU, float32.

    Raises:
        EngineError, ArtifactError, ConfigurationError: see `PaddlePredictor`.
    """

    def __init__(self, artifact: Artifact, context: StageContext) -> None:
        self._predict = PaddlePredictor("TextRecognition", artifact, context)

    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Read crops, (H, W, 3) uint8, blue, green, red: text and mean confidence of each, in order.

        One at a time, as paddleocr does unless told otherwise: in a batch it pads every line to the longest,
        which costs time and makes a text depend on its neighbours. Raises EngineError.
        """
        if not crops:
            return []
        return [(line["rec_text"], float(line["rec_score"])) for line in self._predict(crops, batch_size=1)]
