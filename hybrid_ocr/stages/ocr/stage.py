"""OCR: the line crops of pages in, their text out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.errors import DocumentError, OcrError
from hybrid_ocr.contracts.messages import ModelIdentity, PageCrops, PageText, RecognisedLine
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.stages.ocr.postprocess import DecodedLine
from hybrid_ocr.stages.ocr.preprocess import pixels_of
from hybrid_ocr.stages.ocr.recogniser import Line, Recogniser, load_recogniser


class OcrStage:
    """Reads the lines of all pages of a batch together, so that batches of like width are fuller.

    No line is dropped: one that says nothing is answered with an empty text of confidence 0.
    """

    def __init__(self, recogniser: Recogniser, model: ModelIdentity) -> None:
        self._recogniser = recogniser
        self._model = model

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Load and warm up.

        Raises:
            ArtifactError: the artefact is missing, not verified, or not of OCR.
            EngineError, ConfigurationError: see `load_recogniser`.
        """
        artifact = load_artifact(context.model_dir, stage="ocr")
        return cls(load_recogniser(artifact, context), artifact.identity)

    @property
    def model(self) -> ModelIdentity:
        """The weights that answer."""
        return self._model

    def run(self, batch: Sequence[PageCrops]) -> list[PageText | OcrError]:
        """Read every page; one whose crops cannot be decoded is answered with its DocumentError."""
        started = time.perf_counter()
        pages = [_pixels(page) for page in batch]
        lines = [line for page in pages if not isinstance(page, OcrError) for line in page]
        decoded = iter(self._recogniser(lines))
        elapsed = time.perf_counter() - started
        width = sum(line.shape[1] for line in lines) or 1
        answers: list[PageText | OcrError] = []
        for page, pixels in zip(batch, pages, strict=True):
            if isinstance(pixels, OcrError):
                answers.append(pixels)
                continue
            share = sum(line.shape[1] for line in pixels) / width
            answers.append(_answer(page, [next(decoded) for _ in pixels], elapsed * share))
        return answers


def _pixels(page: PageCrops) -> list[Line] | DocumentError:
    try:
        return [pixels_of(crop) for crop in page.crops]
    except DocumentError as error:
        return error


def _answer(page: PageCrops, decoded: Sequence[DecodedLine], seconds: float) -> PageText:
    return PageText(
        number=page.number,
        width=page.width,
        height=page.height,
        lines=tuple(
            RecognisedLine(
                id=line.id,
                polygon=line.polygon,
                score=line.score,
                text=read.text,
                confidence=read.confidence,
                character_confidence=read.characters,
            )
            for line, read in zip(page.lines, decoded, strict=True)
        ),
        seconds=seconds,
        detection_seconds=page.seconds,
    )
