"""Settings of resume."""

from __future__ import annotations

from hybrid_ocr.hosts.function import FunctionSettings


class ResumeSettings(FunctionSettings):
    """What resume is told by its environment."""

    work_bucket: str
    tickets_table: str
