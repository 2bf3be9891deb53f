"""Settings of rotation."""

from __future__ import annotations

from pathlib import Path

from hybrid_ocr.hosts.function import FunctionSettings


class RotationSettings(FunctionSettings):
    """The settings of rotation, read from its environment."""

    work_bucket: str
    model_dir: Path = Path("/opt/ml/model")
    cache_dir: Path | None = None
