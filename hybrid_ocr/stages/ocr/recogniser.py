"""What lines say: by our own CTC pipeline, or by the paddleocr package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hybrid_ocr.artifacts import Artifact
from hybrid_ocr.contracts.errors import EngineError
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.engines import Network, NetworkSpec, load_network
from hybrid_ocr.stages.ocr.postprocess import DecodedLine, alphabet, decode, joined
from hybrid_ocr.stages.ocr.preprocess import HEIGHT, batches, fit, pieces

Line = NDArray[np.uint8]
"""(h, w) or (h, w, 3) uint8, blue, green, red, text from left to right."""

# The shapes that a page of text meets first.
_WARM_UP: Final = ((8, 256), (4, 512), (1, 128))


class Recogniser(Protocol):
    """Reads lines."""

    def __call__(self, lines: Sequence[Line]) -> list[DecodedLine]:
        """The text of each line, in order; raises EngineError."""
        ...


def load_recogniser(artifact: Artifact, context: StageContext) -> Recogniser:
    """The recogniser that runs on the chosen engine.

    Raises:
        ArtifactError, EngineError, ConfigurationError: as the engine says.
    """
    if context.engine == "paddleocr":
        return _paddle(artifact, context)
    spec = NetworkSpec(
        onnx=artifact.onnx,
        mean=(127.5, 127.5, 127.5),  # pixels to -1..1, fixed in PaddleOCR's RecResizeImg
        scale=(127.5, 127.5, 127.5),
        head="ctc",
        threads=context.threads,
        precision=context.precision,
        cache_dir=context.cache_dir,
    )
    recogniser = CtcRecogniser(load_network(context.engine, spec), alphabet(artifact.config))
    if context.warm_up:
        recogniser.warm_up()
    return recogniser


class CtcRecogniser:
    """A CTC network with its alphabet. Lines of all pages run in batches of like width."""

    def __init__(self, network: Network, symbols: Sequence[str]) -> None:
        self._network = network
        self._symbols = symbols

    def warm_up(self) -> None:
        """Run the network once for each of the shapes that a page of text meets first."""
        for count, width in _WARM_UP:
            self._network(np.zeros((count, HEIGHT, width, 3), np.uint8))

    def __call__(self, lines: Sequence[Line]) -> list[DecodedLine]:
        """Read lines, see `Recogniser`."""
        parts = [(owner, part) for owner, line in enumerate(lines) for part in pieces(fit(line))]
        decoded: list[list[tuple[int, DecodedLine]]] = [[] for _ in lines]
        for members, batch in batches([part for _, part in parts]):
            classes, probabilities, spaces = self._network(batch)
            if int(classes.max()) >= len(self._symbols):
                raise EngineError(f"class {classes.max()} is beyond the dictionary of {len(self._symbols)}")
            for row, member in enumerate(members):
                text = decode(classes[row], probabilities[row], spaces[row], self._symbols)
                decoded[parts[member][0]].append((member, text))
        return [joined([text for _, text in sorted(line, key=lambda part: part[0])]) for line in decoded]


def _paddle(artifact: Artifact, context: StageContext) -> Recogniser:
    from hybrid_ocr.stages.ocr.paddle import PaddleRecogniser

    read = PaddleRecogniser(artifact, context)

    def recognise(lines: Sequence[Line]) -> list[DecodedLine]:
        colour = [line if line.ndim == 3 else np.repeat(line[..., None], 3, axis=2) for line in lines]
        return [DecodedLine(text, confidence) for text, confidence in read(colour)]

    return recognise
