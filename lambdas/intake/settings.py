"""Settings of intake."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hybrid_ocr.contracts.jobs import LARGEST_DOCUMENT
from hybrid_ocr.hosts.function import FunctionSettings


class IntakeSettings(FunctionSettings):
    """The settings of intake, read from its environment."""

    inbox_bucket: str
    inbox_prefix: str = "inbox/"
    allowed_buckets: Annotated[
        frozenset[str], Field(description="JSON list of buckets to read from; by default the inbox alone")
    ] = frozenset()
    artifacts_bucket: str
    jobs_table: str
    state_machine_arn: str
    most_executions: Annotated[int, Field(ge=1, description="under way at once; other jobs wait")]
    dead_letter_queue_url: str
    max_document_bytes: Annotated[int, Field(ge=1)] = LARGEST_DOCUMENT

    @property
    def readable_buckets(self) -> frozenset[str]:
        """The buckets whose objects become jobs."""
        return self.allowed_buckets or frozenset({self.inbox_bucket})
