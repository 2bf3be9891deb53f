"""Ground truth loaders, on small files and on the documents that are there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.truth import TruthError, TruthPage, read_hocr, read_publaynet, read_sample, read_sroie

HOCR = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><body><div class='ocr_page' title='bbox 0 0 200 100'>
<span class='ocr_line' title="bbox 10 10 90 30; baseline 0 -3">
<span class='ocrx_word' title='bbox 10 10 40 30;x_wconf 100'>Tom</span>
<span class='ocrx_word' title='bbox 45 10 90 30;x_wconf 100'>&amp; J<sup>2</sup></span></span>
<span class='ocr_line' title="bbox 0 0 0 0"></span>
</div></body></html>"""

SAMPLE = {
    "source": "turned.png",
    "text": "up",
    "pages": [
        {
            "number": 1,
            "width": 100,
            "height": 200,
            "drawn_width": 200,
            "drawn_height": 100,
            # a quarter turn clockwise: x is what y was, counted from the right
            "drawn_to_stored": [[0, -1, 100], [1, 0, 0], [0, 0, 1]],
            "quadrant": 270,
            "skew_degrees": 0.0,
            "regions": [{"id": "r0", "label": "text", "bbox": [10, 20, 60, 40]}],
            "lines": [
                {
                    "id": "l0",
                    "region_id": "r0",
                    "text": "up",
                    "polygon": [[80, 10], [80, 60], [60, 60], [60, 10]],
                }
            ],
        }
    ],
}


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


class TestSroie:
    def test_text_keeps_its_commas(self, tmp_path: Path) -> None:
        row = "1,2,11,2,11,8,1,8,NO 5, JALAN A,B\r\n\r\n"
        (line,) = read_sroie(written(tmp_path, "a.csv", row)).lines or ()
        assert line.text == "NO 5, JALAN A,B"
        assert line.polygon.tolist() == [[1, 2], [11, 2], [11, 8], [1, 8]]

    @pytest.mark.parametrize("row", ["1,2,3,TEXT", "1,2,3,4,5,6,7,x,TEXT", "text"])
    def test_a_row_that_is_none_is_refused(self, tmp_path: Path, row: str) -> None:
        with pytest.raises(TruthError, match=r"a\.csv"):
            read_sroie(written(tmp_path, "a.csv", row))

    def test_real_receipts(self, real_documents: Path) -> None:
        pages = [read_sroie(path) for path in sorted((real_documents / "receipts").glob("*.csv"))]
        assert pages
        assert all(page.lines and all(line.text for line in page.lines) for page in pages)


class TestHocr:
    def test_words_lines_and_boxes(self, tmp_path: Path) -> None:
        page = read_hocr(written(tmp_path, "a.hocr", HOCR))
        assert [(word.text, word.box) for word in page.words or ()] == [
            ("Tom", (10, 10, 40, 30)),
            ("& J2", (45, 10, 90, 30)),
        ]
        assert [line.text for line in page.lines or ()] == ["Tom & J2"]
        assert page.regions is None

    def test_what_is_not_hocr_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TruthError):
            read_hocr(written(tmp_path, "a.hocr", HOCR[:-20]))
        with pytest.raises(TruthError, match="bbox"):
            read_hocr(written(tmp_path, "b.hocr", HOCR.replace("bbox 45", "box 45")))

    def test_real_pages(self, real_documents: Path) -> None:
        pages = [read_hocr(path) for path in sorted((real_documents / "pages").glob("*.hocr"))]
        assert pages
        assert all(len(page.words or ()) > 50 for page in pages)


class TestPubLayNet:
    def test_boxes_become_corners(self, tmp_path: Path) -> None:
        data = {
            "images": [{"id": 7, "file_name": "p.jpg"}, {"id": 8, "file_name": "empty.jpg"}],
            "categories": [{"id": 1, "name": "text"}],
            "annotations": [{"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40]}],
        }
        pages = read_publaynet(written(tmp_path, "a.json", json.dumps(data)))
        (region,) = pages["p.jpg"].regions or ()
        assert region.label == "text"
        assert region.polygon.tolist() == [[10, 20], [40, 20], [40, 60], [10, 60]]
        assert pages["empty.jpg"].regions == ()

    def test_an_unknown_category_is_refused(self, tmp_path: Path) -> None:
        data = {"images": [], "categories": [{"id": 1, "name": "banner"}], "annotations": []}
        with pytest.raises(TruthError, match="banner"):
            read_publaynet(written(tmp_path, "a.json", json.dumps(data)))

    def test_real_layouts(self, real_documents: Path) -> None:
        pages = read_publaynet(real_documents / "layout" / "annotations.json")
        assert all(page.regions for page in pages.values())


class TestSamples:
    def test_every_layer_is_in_pixels_of_the_stored_page(self, tmp_path: Path) -> None:
        (page,) = read_sample(written(tmp_path, "a.truth.json", json.dumps(SAMPLE)))
        assert page.rotation is not None
        assert page.rotation.quadrant == 270
        (region,) = page.regions or ()
        assert region.polygon.tolist() == [[80, 10], [80, 60], [60, 60], [60, 10]]
        assert page.texts == ("up",)

    def test_scaling_moves_every_layer_alike(self, tmp_path: Path) -> None:
        (page,) = read_sample(written(tmp_path, "a.truth.json", json.dumps(SAMPLE)))
        double = page.scaled(200, 400)
        for before, after in ((page.regions, double.regions), (page.lines, double.lines)):
            assert before
            assert after
            np.testing.assert_allclose(after[0].polygon, before[0].polygon * 2)
        with pytest.raises(TruthError, match="should be like"):
            page.scaled(400, 200)
        with pytest.raises(TruthError, match="not known"):
            TruthPage().scaled(1, 1)

    def test_those_of_this_repository(self, samples: Path) -> None:
        truths = sorted(samples.rglob("*.truth.json"))
        assert truths
        for path in truths:
            for page in read_sample(path):
                assert page.size is not None
                assert page.lines
                corners = np.concatenate([line.polygon for line in page.lines])
                assert (corners >= 0).all()
                assert (corners <= page.size).all()

    def test_what_is_no_truth_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TruthError):
            read_sample(written(tmp_path, "a.truth.json", '{"pages": [{}]}'))
