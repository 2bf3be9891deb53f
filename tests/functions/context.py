"""A Lambda context for handlers that are called in process."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic


@dataclass
class Context:
    """One invocation with so many seconds to go."""

    seconds: float = 60.0
    function_name: str = "function-under-test"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function-under-test"
    memory_limit_in_mb: int = 256
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    started: float = field(default_factory=monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self.started + self.seconds - monotonic()))
