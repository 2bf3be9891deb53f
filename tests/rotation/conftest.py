"""The rotation stage, loaded once."""

from __future__ import annotations

import pytest

from lambdas.rotation import RotationStage
from ocr_core.artifacts import artifacts_root
from ocr_core.contracts.stage import StageContext


@pytest.fixture(scope="session")
def stage() -> RotationStage:
    folder = artifacts_root() / "textline-orientation"
    if not folder.is_dir():
        pytest.skip("no model artefacts here: run `hybrid-ocr artifacts build`")
    return RotationStage.load(StageContext(folder))
