"""Fixtures shared by every area of the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# No test is timed: a busy machine would fail it.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED = ("assemblies", "checkout", "ended", "sample_run", "site")
"""Fixtures that take many seconds: the tests of each run in one process of `-n`, so that it is made once."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the sizes the project promises: takes many minutes")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for name in set(SHARED).intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(name))


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
