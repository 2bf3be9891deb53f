"""Fixtures shared by every area of the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# No test is timed: a busy machine would fail it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the sizes the project promises: takes many minutes")


@pytest.fixture(scope="session")
def real_documents() -> Path:
    """A folder of real documents with ground truth, where a developer has one; see CONTRIBUTING.md."""
    folder = Path(os.environ.get("HYBRID_OCR_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real documents here: set HYBRID_OCR_DATA to a folder that has them")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample documents of this repository."""
    return ROOT / "samples" / "documents"
