"""The sample documents as upright pages, and the artefacts both sides load."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.messages import PageImage
from samples.drawing.truth import DocumentTruth, TruePage


@pytest.fixture(scope="session")
def artifacts() -> Path:
    root = artifacts_root()
    if not root.is_dir():
        pytest.skip("no model artefacts here: run `hybrid-ocr artifacts build`")
    return root


@pytest.fixture(scope="session")
def pages(samples: Path) -> list[PageImage]:
    """Every page of the samples, made upright by its truth."""
    upright = []
    for truth_file in sorted(samples.glob("*.truth.json")):
        truth = DocumentTruth.model_validate_json(truth_file.read_bytes())
        for page in truth.pages:
            picture = _upright(_stored(samples / truth.source, page), page)
            upright.append(_message(picture, len(upright) + 1))
    return upright


def _stored(document: Path, page: TruePage) -> Image.Image:
    if document.suffix != ".pdf":
        return Image.open(document).convert("RGB")
    with pypdfium2.PdfDocument(document) as pdf:
        return pdf[page.number - 1].render(scale=150 / 72).to_pil().convert("RGB")


def _upright(stored: Image.Image, page: TruePage) -> Image.Image:
    size = (page.drawn_width, page.drawn_height)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.array(page.drawn_to_stored)
    return Image.fromarray(
        cv2.warpPerspective(np.asarray(stored), matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def _message(picture: Image.Image, number: int) -> PageImage:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    width, height = picture.size
    return PageImage(number=number, width=width, height=height, encoding="png", data=buffer.getvalue())
