"""Metrics of functions and endpoints into CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from topology.names import LOCAL_ACCOUNT, LOCAL_REGION


def publish(namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
    """Put metrics, each shaped as a member of PutMetricData's MetricData.

    Raises:
        ServiceException: of moto, where a value is none that CloudWatch takes.
    """
    from moto.cloudwatch.models import cloudwatch_backends  # 0.4 s, and the first metric can wait

    cloudwatch_backends[LOCAL_ACCOUNT][LOCAL_REGION].put_metric_data(
        namespace, [dict(datum) for datum in data]
    )
