"""Text detection by the `paddleocr` package: the reference for our own pre- and post-processing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines.paddle import PaddlePredictor


class PaddleTextDetector:
    """Finds lines on one page at a time.

    Args:
        artifact: the verified artefact at `context.model_dir`.
        context: where it runs; CPU, float32.
        longest_side: pixels to which a page's longer side is reduced before the network sees it.

    Raises:
        EngineError, ArtifactError, ConfigurationError: see `PaddlePredictor`.
    """

    def __init__(self, artifact: Artifact, context: StageContext, *, longest_side: int) -> None:
        self._predict = PaddlePredictor(
            "TextDetection", artifact, context, limit_side_len=longest_side, limit_type="max"
        )

    def __call__(self, page: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the lines of a page, (H, W, 3) uint8, blue, green, red.

        Returns quads (N, 4, 2) float32 in pixels of the page, clockwise from the top-left corner, and scores
        (N,) float32. Raises EngineError.
        """
        (found,) = self._predict([page], batch_size=1)
        quads = np.asarray(found["dt_polys"], np.float32).reshape(-1, 4, 2)
        return quads, np.asarray(found["dt_scores"], np.float32)
