"""The committed samples are what the script makes, and their truth fits their pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from hybrid_ocr.contracts.geometry import apply_matrix
from samples.drawing.truth import DocumentTruth, TruePage
from samples.make import make

NAMES = ["article.pdf", "invoice.tif", "receipt.png", "letter.jpg"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    make(folder)
    return folder


def pictures(document: Path, truth: DocumentTruth) -> list[np.ndarray]:
    """The pages as stored, grey."""
    if document.suffix != ".pdf":
        return [np.asarray(Image.open(document).convert("L"))]
    with pypdfium2.PdfDocument(document) as pdf:
        return [
            np.asarray(pdf[page.number - 1].render(scale=150 / 72).to_pil().convert("L"))[
                : page.height, : page.width
            ]
            for page in truth.pages
        ]


def truth_of(document: Path) -> DocumentTruth:
    return DocumentTruth.model_validate_json(document.with_suffix(".truth.json").read_bytes())


@pytest.fixture(params=NAMES)
def document(samples: Path, request: pytest.FixtureRequest) -> Path:
    return samples / request.param


def test_the_script_makes_the_committed_truth(document: Path, made: Path) -> None:
    committed, again = truth_of(document), truth_of(made / document.name)
    assert committed == again


def test_the_script_makes_the_committed_pictures(document: Path, made: Path) -> None:
    """Other versions of the libraries may round differently, so pixels are compared, not bytes."""
    truth = truth_of(document)
    for before, after in zip(pictures(document, truth), pictures(made / document.name, truth), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2.0


def test_two_runs_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    for document in make(tmp_path):
        assert document.read_bytes() == (made / document.name).read_bytes()


def test_truth_names_its_own_document_and_its_size(document: Path) -> None:
    truth = truth_of(document)
    assert truth.source == document.name
    for page, picture in zip(truth.pages, pictures(document, truth), strict=True):
        assert picture.shape == (page.height, page.width)


def test_text_is_the_lines_in_order(document: Path) -> None:
    truth = truth_of(document)
    by_page = [part.split("\n") for part in truth.text.split("\f")]
    assert by_page == [[line.text for line in page.lines] for page in truth.pages]
    assert all(" ".join(line.text.split()) == line.text for page in truth.pages for line in page.lines)


def test_lines_belong_to_regions_that_hold_them(document: Path) -> None:
    for page in truth_of(document).pages:
        regions = {region.id: region for region in page.regions}
        assert len(regions) == len(page.regions)
        assert len({line.id for line in page.lines}) == len(page.lines)
        back = np.linalg.inv(page.drawn_to_stored)
        for line in page.lines:
            left, top, right, bottom = regions[line.region_id].bbox
            drawn = apply_matrix(back, np.array(line.polygon))
            assert drawn[:, 0].min() >= left - 0.5
            assert drawn[:, 0].max() <= right + 0.5
            assert drawn[:, 1].min() >= top - 0.5
            assert drawn[:, 1].max() <= bottom + 0.5


def test_lines_lie_on_print_inside_the_page(document: Path) -> None:
    truth = truth_of(document)
    for page, picture in zip(truth.pages, pictures(document, truth), strict=True):
        for line in page.lines:
            corners = np.array(line.polygon)
            assert corners.min() >= 0
            assert (corners <= (page.width, page.height)).all()
            mask = np.zeros_like(picture)
            cv2.fillConvexPoly(mask, corners.astype(np.int32), 1)
            inside = picture[mask == 1].astype(int)
            assert np.ptp(inside) > 60, f"no print where {line.text!r} should stand"


def _slope_when_turned(page: TruePage) -> np.ndarray:
    """Directions in which text runs once quadrant and skew are undone; degrees, clockwise."""
    corners = np.array([line.polygon for line in page.lines if len(line.text) > 20])
    along = corners[:, 1] - corners[:, 0]
    return np.degrees(np.arctan2(along[:, 1], along[:, 0])) + page.quadrant + page.skew_degrees


@pytest.mark.parametrize("name", ["article.pdf", "invoice.tif", "receipt.png"])
def test_rotation_truth_makes_scans_upright(samples: Path, name: str) -> None:
    for page in truth_of(samples / name).pages:
        slope = (_slope_when_turned(page) + 180) % 360 - 180
        assert np.abs(slope).max() < 0.1


def test_the_photograph_is_askew_in_perspective(samples: Path) -> None:
    (page,) = truth_of(samples / "letter.jpg").pages
    slopes = _slope_when_turned(page)
    assert 1.0 < abs(page.skew_degrees) < 15.0
    assert np.abs(slopes).max() < 2.0
    assert np.ptp(slopes) > 0.5


def test_the_article_has_one_page_turned_and_one_skewed(samples: Path) -> None:
    pages = truth_of(samples / "article.pdf").pages
    assert [page.quadrant for page in pages] == [0, 90, 0]
    assert [abs(page.skew_degrees) > 1 for page in pages] == [False, False, True]
    assert {"title", "text", "figure", "table", "reference"} <= {
        region.label for page in pages for region in page.regions
    }


def test_the_folder_stays_small(samples: Path) -> None:
    assert sum((samples / name).stat().st_size for name in NAMES) < 1_500_000
