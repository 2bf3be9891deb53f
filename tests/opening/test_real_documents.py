"""Real documents, where a developer has them: each page opens, each damaged file ends in its error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.opening import DocumentOpener
from tests.opening.conftest import outcome

DAMAGED = {
    "crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": ErrorCode.TRUNCATED_IMAGE,
    "crash-2020-10-test.tif": ErrorCode.TRUNCATED_IMAGE,
    "crash-4f085cc12ece8cde18758d42608bed6a2a2cfb1c.tif": ErrorCode.TRUNCATED_IMAGE,
    "invalid.pdf": ErrorCode.CORRUPT_DOCUMENT,
    "oom-225817ca0f8c663be7ab4b9e717b02c661e66834.tif": ErrorCode.TRUNCATED_IMAGE,
    "truncated_image.png": ErrorCode.TRUNCATED_IMAGE,
    "truncated_jpeg.jpg": ErrorCode.TRUNCATED_IMAGE,
}
BLANK = ("blank.pdf", "no_contents.pdf")


def test_damaged_files_end_in_their_error(opener: DocumentOpener, real_documents: Path) -> None:
    assert {name: outcome(opener, real_documents / "hostile" / name) for name in DAMAGED} == DAMAGED


@pytest.mark.parametrize("name", BLANK)
def test_blank_pages_are_pages(opener: DocumentOpener, real_documents: Path, name: str) -> None:
    page = opener.render(real_documents / "hostile" / name, 1)
    assert page.image.mean() > 250


@pytest.mark.parametrize("folder", ["pages", "receipts", "multipage", "rotation", "layout"])
def test_every_page_of_every_document_opens(
    opener: DocumentOpener, real_documents: Path, folder: str
) -> None:
    suffixes = {".pdf", ".png", ".jpg", ".tif", ".tiff"}
    documents = [path for path in (real_documents / folder).iterdir() if path.suffix in suffixes]
    assert documents
    for path in documents:
        for number in range(1, opener.inspect(path).page_count + 1):
            image = opener.render(path, number).image
            assert image.dtype == np.uint8
            assert image.ndim == 2 or image.shape[2:] == (3,)


@pytest.mark.parametrize("name", ["ccitt.pdf", "g4-multi.tiff", "cmyk.pdf"])
def test_paper_is_white_and_ink_is_black(opener: DocumentOpener, real_documents: Path, name: str) -> None:
    image = opener.render(real_documents / "multipage" / name, 1).image
    assert np.median(image) == 255
    assert image.min() < 60
