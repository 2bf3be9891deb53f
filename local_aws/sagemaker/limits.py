"""What SageMaker leaves open, and what its API model does not hold, as settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RuntimeLimits:
    """How the double of SageMaker behaves; the defaults are AWS's where these are known.

    Attributes:
        realtime_seconds: how long a container may take for InvokeEndpoint.
        default_ttl_seconds: how long an asynchronous request may wait for its turn.
        default_invocation_seconds: how long a container may take for it.
        retries_on_5xx: how often a container's 5xx is tried again; AWS documents none.
        retries_on_lost_instance: how often a request starts again whose instance died under it.
        retry_seconds: the pause before the first retry; it doubles.
        ready_after_seconds: the least time until a new instance takes work, its start included.
        metric_period_seconds: how often metrics are published.
        keep_trailing_slash: an S3OutputPath that ends in a slash is joined with another, `PATH//FILE`; users
            have seen both.
        share_instances: endpoints of the same model are served by the same processes. AWS never does that; a
            laptop has not the memory to hold each network twice.
    """

    realtime_seconds: float = 60.0
    default_ttl_seconds: int = 21_600
    default_invocation_seconds: int = 900
    retries_on_5xx: int = 2
    retries_on_lost_instance: int = 2
    retry_seconds: float = 0.5
    ready_after_seconds: float = 0.0
    metric_period_seconds: float = 60.0
    keep_trailing_slash: bool = False
    share_instances: bool = True
