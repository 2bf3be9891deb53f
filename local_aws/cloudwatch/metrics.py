"""Metrics of functions and endpoints into CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from local_aws.account import ACCOUNT, REGION


def publish(namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
    """Put metrics, each shaped as a member of PutMetricData's MetricData.

    Raises:
        ServiceException: of moto, where a value is none that CloudWatch takes.
    """
    from moto.cloudwatch.models import cloudwatch_backends  # 0.4 s, and the first metric can wait

    cloudwatch_backends[ACCOUNT][REGION].put_metric_data(namespace, [_stored(d) for d in data])


def _stored(datum: Mapping[str, Any]) -> dict[str, Any]:
    """As moto keeps it: it compares timestamps with UTC ones that say nothing of a zone."""
    when = datum.get("Timestamp")
    return {**datum, "Timestamp": when.astimezone(UTC).replace(tzinfo=None)} if when else dict(datum)
