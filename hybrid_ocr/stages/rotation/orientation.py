"""Which way up text lines stand, as a small network sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines import Network, NetworkSpec, load_network
from hybrid_ocr.stages.rotation.lines import CROP_HEIGHT, CROP_WIDTH

LineVotes = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Crops of `cut_lines` to one vote each, (N,) from -1, on its head, to 1, upright; 0 is no opinion."""

_BLOCK: Final = 6
"""Crops in a batch, always: an engine compiles the network anew for each number, in half a second."""

_HALF: Final = (127.5, 127.5, 127.5)
"""The network wants pixels from -1 to 1 (PaddleOCR, ClsResizeImg)."""


class LineOrientation:
    """The text-line orientation network (classes 0 and 180 degrees), asked in one small batch."""

    def __init__(self, network: Network, identity: ModelIdentity) -> None:
        self._network = network
        self.identity = identity

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Load the artefact and warm up; raises ArtifactError, EngineError or ConfigurationError."""
        artifact = load_artifact(context.model_dir, stage="rotation")
        spec = NetworkSpec(
            onnx=artifact.onnx,
            mean=_HALF,
            scale=_HALF,
            threads=context.threads,
            precision=context.precision,
            cache_dir=context.cache_dir,
        )
        loaded = cls(load_network(context.engine, spec), artifact.identity)
        if context.warm_up:
            loaded(np.zeros((_BLOCK, CROP_HEIGHT, CROP_WIDTH, 3), np.uint8))
        return loaded

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vote on each crop.

        Every crop is shown as it is and turned by 180 degrees: an opinion counts only if it turns with the
        crop, so pictures and rules that the network takes for one class either way do not vote.
        """
        votes = np.zeros(len(crops), np.float32)
        for start in range(0, len(crops), _BLOCK):
            block = crops[start : start + _BLOCK]
            votes[start : start + _BLOCK] = self._vote(block)
        return votes

    def _vote(self, block: NDArray[np.uint8]) -> NDArray[np.float32]:
        shown = np.zeros((2 * _BLOCK, *block.shape[1:]), np.uint8)
        shown[: len(block)] = block
        shown[_BLOCK : _BLOCK + len(block)] = block[:, ::-1, ::-1]
        on_its_head = self._network(shown)[0][:, 1]
        return np.asarray((on_its_head[_BLOCK:] - on_its_head[:_BLOCK])[: len(block)], np.float32)
