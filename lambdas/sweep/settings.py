"""Settings of sweep."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.hosts.function import FunctionSettings


class SweepSettings(FunctionSettings):
    """The settings of sweep, read from its environment."""

    work_bucket: str
    tickets_table: str
    jobs_table: str
    state_machine_arn: str
    event_bus: str
    most_executions: Annotated[int, Field(ge=1, description="under way at once")]
