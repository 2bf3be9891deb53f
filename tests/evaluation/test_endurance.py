"""Memory of a family of processes, growth, and the long document that both are measured on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evaluation.bench.endurance import proportional_memory, slope, write_long_pdf


def test_slope_is_deaf_to_an_outlier() -> None:
    values = np.arange(20) * 3.0
    values[7] = 1e6
    assert slope(values) == pytest.approx(3)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(2, 30))
def test_slope_of_a_straight_line(start: float, growth: float, count: int) -> None:
    assert slope(start + growth * np.arange(count)) == pytest.approx(growth, abs=1e-6)


def test_slope_of_one_value_is_none() -> None:
    assert slope(np.array([5.0])) == 0


def test_memory_counts_children() -> None:
    alone = proportional_memory(os.getpid())
    code = "data = bytearray(b'1' * 60_000_000); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        together = proportional_memory(os.getpid())
        child.communicate(b"\n")
    assert alone > 0
    assert together - alone > 50_000_000


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert proportional_memory(child.pid) == 0


def test_long_document_has_its_pages_and_shares_no_image_between_them(tmp_path: Path) -> None:
    images = []
    for name, shade in (("a.png", 30), ("b.png", 200)):
        Image.new("L", (60, 40), shade).save(tmp_path / name)
        images.append(tmp_path / name)
    write_long_pdf(images, 7, tmp_path / "long.pdf")
    with pikepdf.open(tmp_path / "long.pdf") as document:
        streams = {image.objgen for page in document.pages for image in page.get_images().values()}
        assert len(document.pages) == 7
    assert len(streams) == 7
