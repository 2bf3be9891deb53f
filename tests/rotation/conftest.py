"""The rotation stage, loaded once."""

from __future__ import annotations

import pytest

from hybrid_ocr.artifacts import artifacts_root
from hybrid_ocr.contracts.stage import StageContext
from hybrid_ocr.stages.rotation import RotationStage


@pytest.fixture(scope="session")
def stage() -> RotationStage:
    folder = artifacts_root() / "textline-orientation"
    if not folder.is_dir():
        pytest.skip("no model artefacts here: run `hybrid-ocr artifacts build`")
    return RotationStage.load(StageContext(folder))
