"""Crops to batches: every line once, whole, in a shape that is allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import DocumentError
from hybrid_ocr.contracts.messages import LineCrop
from hybrid_ocr.images import encode_image
from hybrid_ocr.stages.ocr.preprocess import BUCKETS, HEIGHT, batches, fit, pieces, pixels_of, plan

WIDTHS = st.lists(st.integers(1, BUCKETS[-1]), max_size=60)


def line(width: int, height: int = HEIGHT, value: int = 200) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@given(WIDTHS)
def test_plan_covers_every_line_once_and_fits_it(widths: list[int]) -> None:
    widths = sorted(widths, reverse=True)
    reached = 0
    for start, count, width in plan(widths):
        assert start == reached
        assert width in BUCKETS
        assert count <= 32
        assert all(one <= width for one in widths[start : start + count])
        reached = start + count
    assert reached >= len(widths)


@given(WIDTHS.filter(len))
def test_plan_is_no_dearer_than_line_by_line(widths: list[int]) -> None:
    widths = sorted(widths, reverse=True)
    apart = sum(150 + min(b for b in BUCKETS if b >= width) for width in widths)
    assert sum(150 + count * width for _, count, width in plan(widths)) <= apart


def test_batches_hold_each_line_at_its_index() -> None:
    lines = [line(width, value=index + 1) for index, width in enumerate((70, 500, 30, 66, 900, 64))]
    seen = {}
    for members, batch in batches(lines):
        assert batch.shape[1] == HEIGHT
        for row, index in enumerate(members):
            width = lines[index].shape[1]
            assert (batch[row, :, :width] == index + 1).all()
            assert (batch[row, :, width:] == 127).all()
            seen[index] = width
    assert sorted(seen) == list(range(6))


def test_grey_line_is_read_like_the_same_in_three_channels() -> None:
    grey = np.arange(HEIGHT * 80, dtype=np.uint8).reshape(HEIGHT, 80)
    ((_, from_grey),) = batches([grey])
    ((_, from_colour),) = batches([np.dstack([grey] * 3)])
    assert np.array_equal(from_grey, from_colour)


@given(st.integers(1, 400), st.integers(1, 3000))
def test_fitted_line_keeps_its_proportions_but_for_the_squeeze(height: int, width: int) -> None:
    fitted = fit(np.zeros((height, width), np.uint8))
    assert fitted.shape[0] == HEIGHT
    assert fitted.shape[1] == pytest.approx(min(32768, width * HEIGHT / height * 0.8), abs=1)


def test_line_wider_than_any_bucket_is_cut_in_its_gap_and_nothing_is_lost() -> None:
    wide = np.random.default_rng(1).integers(0, 255, (HEIGHT, 9000), np.uint8)
    wide[:, 3500:3510] = 255
    parts = pieces(wide)
    assert np.array_equal(np.hstack(parts), wide)
    assert all(part.shape[1] <= BUCKETS[-1] for part in parts)
    assert 3500 <= parts[0].shape[1] < 3510


@pytest.mark.parametrize("encoding", ["raw", "png", "jpeg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_from_a_crop(encoding: str, channels: int) -> None:
    pixels = line(40) if channels == 3 else line(40)[..., 0]
    data = pixels.tobytes() if encoding == "raw" else encode_image(pixels, encoding)  # type: ignore[arg-type]
    crop = LineCrop(line_id="l1", width=40, height=HEIGHT, channels=channels, encoding=encoding, data=data)  # type: ignore[arg-type]
    back = pixels_of(crop)
    assert back.shape[:2] == (HEIGHT, 40)
    assert abs(back.astype(int) - 200).max() <= 2


@pytest.mark.parametrize(("encoding", "data"), [("raw", b"123"), ("png", b"123"), ("jpeg", b"")])
def test_crop_whose_data_are_not_its_pixels_is_refused(encoding: str, data: bytes) -> None:
    with pytest.raises(DocumentError):
        pixels_of(LineCrop(line_id="l1", width=40, height=48, encoding=encoding, data=data))  # type: ignore[arg-type]
