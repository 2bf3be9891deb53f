"""Settings of validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from hybrid_ocr.hosts.function import FunctionSettings


class ValidationSettings(FunctionSettings):
    """The settings of validation, read from its environment."""

    work_bucket: str
    results_bucket: str
    artifacts_bucket: str
    rules: Annotated[Path | None, Field(description="rules over those of the project")] = None
