"""Settings of dispatch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.hosts.function import FunctionSettings


class DispatchSettings(FunctionSettings):
    """The settings of dispatch, read from its environment."""

    work_bucket: str
    artifacts_bucket: str
    tickets_table: str

    invocation_timeout_seconds: Annotated[
        int, Field(ge=1, le=3_600, description="how long an endpoint may work on one batch")
    ] = 900
    request_ttl_seconds: Annotated[
        int, Field(ge=60, le=21_600, description="how long a batch may wait in the queue of an endpoint")
    ] = 3_600

    max_body_bytes: Annotated[
        int, Field(ge=1_024, description="of a real-time call; SageMaker's API model says 6 MiB")
    ] = 6_291_456
    parallel_bodies: Annotated[int, Field(ge=1, le=32, description="real-time calls at once, per batch")] = 4
    realtime_seconds: Annotated[
        float, Field(gt=0, le=900, description="within which a batch is read in real time, retries included")
    ] = 100.0
