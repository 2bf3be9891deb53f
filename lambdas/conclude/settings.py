"""Settings of conclude."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.hosts.function import FunctionSettings


class ConcludeSettings(FunctionSettings):
    """The settings of conclude, read from its environment."""

    jobs_table: str
    state_machine_arn: str
    event_bus: str
    most_executions: Annotated[int, Field(ge=1, description="under way at once")]
