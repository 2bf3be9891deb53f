"""What a network is to a stage, whichever engine runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.contracts.stage import Precision

Head = Literal["raw", "ctc"]
"""What leaves the network: its outputs as they are (`raw`); or, of one output (N, T, classes) of
probabilities (`ctc`), for every step the best class (N, T) int32, its probability (N, T) float32, and the
probability of the last class (N, T) float32, which in PaddleOCR's recognisers is the space."""


@dataclass(frozen=True)
class NetworkSpec:
    """A network and how its input is made from pixels.

    The network is fed with (x - mean) / scale for each channel, as (N, C, H, W); x is the pixel value 0..255.
    Engines fold that into the graph where they can, so callers hand over plain uint8 pixels.

    Args:
        onnx: the network, with one input of (N, 3, H, W) float32; any of N, H, W may be dynamic.
        mean: subtracted, one value a channel, in the order the network wants its channels.
        scale: divided by, likewise.
        channels: the order the network wants; callers always give blue, green, red.
        head: what leaves the network.
        threads: CPU threads.
        precision: `auto` is bfloat16 where the CPU computes it natively, float32 elsewhere.
        cache_dir: where compiled networks may be kept between starts, or None.
    """

    onnx: Path
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels: Literal["bgr", "rgb"] = "bgr"
    head: Head = "raw"
    threads: int = 1
    precision: Precision = "auto"
    cache_dir: Path | None = None


class Network(Protocol):
    """A loaded network. Calls come from one thread at a time."""

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
        """Run on (N, H, W, 3) uint8 in the order blue, green, red; the outputs in the network's order.

        The arrays are the caller's own. Raises EngineError.
        """
        ...
