"""Law: whatever the bytes, opening ends in pages within the limits or in one documented error."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.opening import DocumentOpener, OpeningLimits, RawPage
from tests.opening.conftest import outcome
from tests.opening.files import encoded, pdf, picture, scan

SEEDS = [
    encoded(picture(), "JPEG"),
    encoded(picture(), "PNG"),
    encoded(picture(), "WEBP"),
    encoded(picture(), "TIFF", compression="tiff_lzw"),
    encoded(
        picture(mode="1"), "TIFF", compression="group4", save_all=True, append_images=[picture(mode="1")]
    ),
    pdf(b"BT ET 0 0 10 10 re f", b"1 0 0 rg 0 0 9 9 re f"),
    scan(encoded(picture(), "JPEG"), (96, 64), codec="DCTDecode", points=(96, 64)),
]
LIMITS = OpeningLimits(page_pixels=1_000_000, page_seconds=3, inspect_seconds=3)


@pytest.fixture(scope="module")
def opener() -> Iterator[DocumentOpener]:
    with DocumentOpener(LIMITS) as opener:
        yield opener


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid file with some bytes overwritten, a piece cut out, or a piece put in twice."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["set", "cut", "double"])):
            case "set":
                new = draw(st.binary(min_size=1, max_size=8))
                data[at : at + len(new)] = new
            case "cut":
                del data[at + 1 : at + 1 + draw(st.integers(1, 200))]
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
    return bytes(data)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(damaged(), damaged(), st.binary(max_size=300)))
def test_any_bytes_end_in_a_page_or_an_error(opener: DocumentOpener, data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        result = outcome(opener, Path(file.name))
    if isinstance(result, RawPage):
        assert result.image.dtype == np.uint8
        assert 0 < result.image.shape[0] * result.image.shape[1] <= LIMITS.page_pixels
    else:
        assert result in set(ErrorCode) - {ErrorCode.INTERNAL}
