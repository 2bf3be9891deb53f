"""Settings of resume."""

from __future__ import annotations

from hybrid_ocr.hosts.function import FunctionSettings


class ResumeSettings(FunctionSettings):
    """The settings of resume, read from its environment."""

    work_bucket: str
    tickets_table: str
