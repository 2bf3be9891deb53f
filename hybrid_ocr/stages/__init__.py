"""The five stages: pure steps with a typed message on either side, which know no host and no cloud."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from hybrid_ocr.contracts.messages import StageName
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.contracts.stages import STAGES

__all__ = ["load_stage"]


def load_stage(name: StageName, context: StageContext) -> Stage[Any, Any]:
    """Import, load and warm up a stage that reads pages; see `STAGES` for its messages.

    Raises:
        ArtifactError, EngineError, ConfigurationError: as its `load` does.
    """
    stage: Stage[Any, Any] = resolve_name(STAGES[name].implementation).load(context)
    return stage
