"""Settings of paginate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.hosts.function import FunctionSettings


class PaginateSettings(FunctionSettings):
    """The settings of paginate, read from its environment."""

    work_bucket: str
    pages_per_batch: Annotated[int, Field(ge=1, le=100)] = 8
