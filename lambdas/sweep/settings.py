"""Settings of sweep."""

from __future__ import annotations

from hybrid_ocr.hosts.function import FunctionSettings


class SweepSettings(FunctionSettings):
    """The settings of sweep, read from its environment."""

    work_bucket: str
    tickets_table: str
