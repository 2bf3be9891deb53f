"""Crops, ink and rows: geometry on drawn pages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hybrid_ocr.stages.text_detection.crops import pack, part_of, rectify
from hybrid_ocr.stages.text_detection.ink import ink_spans
from hybrid_ocr.stages.text_detection.lines import DetectedLine, cut_lines, from_text_start, in_rows
from hybrid_ocr.stages.text_detection.preprocess import STRIDE, resize, survey, working_size


def rectangle(centre: tuple[float, float], length: float, height: float, angle: float) -> np.ndarray:
    turn = np.radians(angle)
    along = np.array([np.cos(turn), np.sin(turn)]) * length / 2
    across = np.array([-np.sin(turn), np.cos(turn)]) * height / 2
    corners = np.array([-along - across, along - across, along + across, -along + across])
    return (corners + centre).astype(np.float32)


def write(page: np.ndarray, text: str, at: tuple[int, int], size: float = 1.0) -> None:
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2, cv2.LINE_AA)


def blank(height: int = 400, width: int = 600) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)


@pytest.mark.parametrize("angle", [0, 7, -20, 45])
def test_turned_rectangle_is_rectified(angle: float) -> None:
    """Left half red, right half blue, upper edge green: each is where it belongs after rectifying."""
    page = np.full((300, 300, 3), 128, np.uint8)
    whole = rectangle((150, 150), 160, 40, angle)
    for part, colour in [
        (part_of(whole, 0, 0, 0.5, 1), (0, 0, 255)),
        (part_of(whole, 0.5, 0, 1, 1), (255, 0, 0)),
        (part_of(whole, 0, 0, 1, 0.2), (0, 255, 0)),
    ]:
        cv2.fillPoly(page, [np.round(part).astype(np.int32)], colour)
    line = rectify(page, whole, 48)
    assert line.shape == (48, 192, 3)
    assert (line[2:6, 10:-10].argmax(axis=2) == 1).all()
    assert (line[14:44, 8:88].argmax(axis=2) == 2).all()
    assert (line[14:44, 104:184].argmax(axis=2) == 0).all()


def test_upright_line_at_its_own_height_is_copied_pixel_for_pixel() -> None:
    page = np.random.default_rng(2).integers(0, 255, (100, 200, 3), np.uint8)
    quad = np.array([[20, 30], [120, 30], [120, 78], [20, 78]], np.float32)
    assert np.array_equal(rectify(page, quad, 48), page[30:78, 20:120])


@pytest.mark.parametrize("size", [(0.0, 0.0), (0.0, 10.0), (10.0, 0.0)])
def test_quad_without_area_still_gives_a_crop(size: tuple[float, float]) -> None:
    crop = rectify(blank(), rectangle((50, 50), *size, 0), 48)
    assert crop.shape[0] == 48
    assert crop.shape[1] >= 1


def test_tall_box_is_turned_so_that_its_text_starts_at_the_left() -> None:
    page = blank()
    tall = rectangle((300, 200), 30, 300, 0)
    cv2.fillPoly(page, [np.int32([[285, 50], [315, 50], [315, 80], [285, 80]])], (0, 0, 0))
    (turned,) = from_text_start(tall[None])
    np.testing.assert_allclose(turned[0], tall[1])
    assert rectify(page, turned, 48)[:, :40].mean() < 30


def test_narrow_digit_among_lines_is_not_turned() -> None:
    quads = np.stack(
        [rectangle((100, y), 150, 20, 0) for y in (20, 60, 100)] + [rectangle((300, 60), 9, 20, 0)]
    )
    assert np.array_equal(from_text_start(quads), quads)


def test_span_is_the_ink_with_a_small_margin() -> None:
    strip = np.full((48, 200), 240, np.uint8)
    strip[14:34, 40:160] = 20
    (span,) = ink_spans(strip)
    np.testing.assert_allclose(span, (40 - 3, 14 - 3.6, 160 + 3, 34 + 3.6))


def test_light_ink_on_dark_paper_counts_as_ink() -> None:
    strip = np.full((48, 200), 30, np.uint8)
    strip[14:34, 40:60] = 250
    (span,) = ink_spans(strip)
    assert (span.left, span.right) == (37, 63)


def test_line_is_parted_at_wide_gaps_and_not_between_words() -> None:
    strip = np.full((48, 400), 255, np.uint8)
    for left in (10, 60, 110, 300, 350):
        strip[14:34, left : left + 40] = 0
    assert [(span.left, span.right) for span in ink_spans(strip)] == [(7, 153), (297, 393)]


def test_tails_of_the_line_above_are_left_out() -> None:
    strip = np.full((48, 200), 255, np.uint8)
    strip[16:36, 20:180] = 0
    strip[0:3, 50:54] = 0
    (span,) = ink_spans(strip)
    assert span.top == pytest.approx(16 - 3.6)


@pytest.mark.parametrize("level", [0, 120, 255])
def test_strip_without_contrast_stays_whole(level: int) -> None:
    assert ink_spans(np.full((48, 90), level, np.uint8)) == [(0, 0, 90, 48)]


def test_fields_of_a_row_become_lines_in_reading_order() -> None:
    page = blank()
    write(page, "TOTAL", (40, 100))
    write(page, "9.80", (420, 100))
    write(page, "CASH", (40, 160))
    quads = np.stack([rectangle((270, y), 480, 44, 0) for y in (150, 90)])
    lines = cut_lines(page, quads, np.array([0.8, 1.2], np.float32), 48)
    lefts = [round(float(line.quad[:, 0].min())) for line in lines]
    assert [left // 100 for left in lefts] == [0, 4, 0]
    assert [line.score for line in lines] == [1.0, 1.0, pytest.approx(0.8)]
    assert all(line.pixels.shape[0] == 48 for line in lines)


def test_rows_come_from_the_top_and_each_from_the_left_though_they_lean() -> None:
    spots = {"a": (50, 100), "b": (300, 94), "c": (550, 105), "d": (60, 160)}
    pixels = np.zeros((48, 10, 3), np.uint8)
    lines = [DetectedLine(rectangle(spots[name], 100, 30, 0), 1.0, pixels) for name in "dcba"]
    ordered = in_rows(lines)
    assert [tuple(line.quad.mean(axis=0).round()) for line in ordered] == [spots[name] for name in "abcd"]
    assert in_rows([]) == []


@pytest.mark.parametrize(
    ("budget", "channels", "encoding"), [(10**6, 3, "raw"), (20_000, 1, "raw"), (1_000, 1, "jpeg")]
)
def test_crops_are_made_smaller_as_the_budget_shrinks(budget: int, channels: int, encoding: str) -> None:
    crops = pack([("l1", np.full((48, 300, 3), 77, np.uint8))], budget)
    assert [(crop.line_id, crop.channels, crop.encoding) for crop in crops] == [("l1", channels, encoding)]


@pytest.mark.parametrize("text", [20, 40])
def test_text_height_is_measured(text: int) -> None:
    page = blank(1000, 800)
    for y in range(80, 960, 3 * text):
        write(page, "HEIGHT OF LETTERS", (30, y), text / 22)
    assert survey(page).text_height == pytest.approx(text, rel=0.15)


def test_page_without_text_has_no_text_height() -> None:
    assert survey(blank()) == ((0, 0, 600, 400), None)


def test_blank_margins_are_cut_off_and_no_ink_with_them() -> None:
    page = blank(1000, 800)
    write(page, "alone", (300, 500))
    page[700:703, 500:502] = 200
    (left, top, right, bottom), _ = survey(page)
    assert (page[:top] == 255).all()
    assert (page[bottom:] == 255).all()
    assert (page[:, :left] == 255).all()
    assert (page[:, right:] == 255).all()
    assert (right - left) * (bottom - top) < 800 * 1000 / 3


@pytest.mark.parametrize("shape", [(3300, 2550), (500, 400), (40, 3000), (5, 5), (9000, 60)])
def test_working_size_is_what_the_network_takes(shape: tuple[int, int]) -> None:
    width, height = working_size(shape[1], shape[0], None)
    assert width % STRIDE == height % STRIDE == 0
    assert width >= STRIDE
    assert height >= STRIDE
    assert max(width, height) <= 1632
    assert resize(blank(*shape), (width, height)).shape == (height, width, 3)


def test_small_print_is_looked_at_more_closely() -> None:
    sides = []
    for size in (0.6, 1.2):
        page = blank(2000, 1500)
        for y in range(80, 1900, 60):
            write(page, "the quick brown fox jumps", (40, y), size)
        sides.append(max(working_size(1500, 2000, survey(page).text_height)))
    assert sides[0] > sides[1]
