"""Text detection: a page image in, lines with their rectified pixels out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Self

import numpy as np

from hybrid_ocr.artifacts import load_artifact
from hybrid_ocr.contracts.errors import ConfigurationError, DocumentError, OcrError
from hybrid_ocr.contracts.geometry import quad_from_array
from hybrid_ocr.contracts.messages import ModelIdentity, PageCrops, PageImage, TextLine
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.images import decode_page
from hybrid_ocr.stages.text_detection.crops import pack
from hybrid_ocr.stages.text_detection.detector import TextDetector, load_detector
from hybrid_ocr.stages.text_detection.lines import DetectedLine, cut_lines

CROP_HEIGHT: Final = 48
"""Pixels; what PP-OCR recognisers were trained on."""
PAGE_CROP_BYTES: Final = 5 * 1024 * 1024
"""A page's crops then fit a real-time request, whose body may have 6 MiB."""

# Text of 300 dpi and more is read no better: a JPEG of more pixels is decoded at half its size or less.
_ENOUGH_PIXELS: Final = 16_000_000


class TextDetectionStage:
    """Finds lines with a detector, cuts them out, and packs them for the recogniser."""

    def __init__(
        self,
        detector: TextDetector,
        model: ModelIdentity,
        *,
        crop_height: int = CROP_HEIGHT,
        page_crop_bytes: int = PAGE_CROP_BYTES,
    ) -> None:
        self._detector = detector
        self._model = model
        self._crop_height = crop_height
        self._page_crop_bytes = page_crop_bytes

    @classmethod
    def load(cls, context: StageContext) -> Self:
        """Load and warm up. Options: `crop_height` (pixels), `page_crop_bytes`.

        Raises:
            ArtifactError: the artefact is missing, not verified, or not of text detection.
            EngineError, ConfigurationError: see `load_detector`.
        """
        artifact = load_artifact(context.model_dir, stage="text_detection")
        return cls(
            load_detector(artifact, context),
            artifact.identity,
            crop_height=_option(context, "crop_height", CROP_HEIGHT, 16, 256),
            page_crop_bytes=_option(context, "page_crop_bytes", PAGE_CROP_BYTES, 1024, 2**31),
        )

    @property
    def model(self) -> ModelIdentity:
        """The weights that answer."""
        return self._model

    def run(self, batch: Sequence[PageImage]) -> list[PageCrops | OcrError]:
        """Find the lines of every page; one that cannot be decoded is answered with its DocumentError."""
        answers: list[PageCrops | OcrError] = []
        for page in batch:
            started = time.perf_counter()
            try:
                lines = self._lines(page)
            except DocumentError as error:
                answers.append(error)
            else:
                answers.append(self._answer(page, lines, started))
        return answers

    def _lines(self, page: PageImage) -> list[DetectedLine]:
        """The lines of a page, in its own pixels whatever size it was decoded at."""
        reduction = min(1.0, (_ENOUGH_PIXELS / (page.width * page.height)) ** 0.5)
        image = decode_page(page, at_least=(int(page.width * reduction), int(page.height * reduction)))
        quads, scores = self._detector(image)
        lines = cut_lines(image, quads, scores, self._crop_height)
        full = np.array([page.width / image.shape[1], page.height / image.shape[0]], np.float32)
        return [line._replace(quad=line.quad * full) for line in lines]

    def _answer(self, page: PageImage, lines: list[DetectedLine], started: float) -> PageCrops:
        names = [f"l{number}" for number in range(1, len(lines) + 1)]
        return PageCrops(
            number=page.number,
            width=page.width,
            height=page.height,
            lines=tuple(
                TextLine(id=name, polygon=quad_from_array(line.quad), score=line.score)
                for name, line in zip(names, lines, strict=True)
            ),
            crops=pack(
                [(name, line.pixels) for name, line in zip(names, lines, strict=True)], self._page_crop_bytes
            ),
            seconds=time.perf_counter() - started,
        )


def _option(context: StageContext, name: str, default: int, least: int, most: int) -> int:
    given = context.options.get(name)
    if given is None:
        return default
    if not given.isdecimal() or not least <= int(given) <= most:
        raise ConfigurationError(f"option {name} is a whole number from {least} to {most}, not {given!r}")
    return int(given)
