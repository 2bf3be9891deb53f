"""Metrics that functions print, and those of Lambda itself, in the shape that PutMetricData takes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

MetricData = list[dict[str, Any]]


def parse(line: bytes) -> list[tuple[str, MetricData]]:
    """Each namespace of a line of a log with its data; none where the line is not in the format."""
    if not line.startswith(b"{") or b'"_aws"' not in line:
        return []
    try:
        fields = json.loads(line)
        when = datetime.fromtimestamp(fields["_aws"]["Timestamp"] / 1000, UTC)
        return [
            (
                str(directive["Namespace"]),
                [
                    _datum(fields, metric, names, when)
                    for names in directive["Dimensions"] or [[]]
                    for metric in directive["Metrics"]
                ],
            )
            for directive in fields["_aws"]["CloudWatchMetrics"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return []


def _datum(
    fields: dict[str, Any], metric: dict[str, Any], names: list[str], when: datetime
) -> dict[str, Any]:
    value = fields[metric["Name"]]
    values = [float(one) for one in (value if isinstance(value, list) else [value])]
    if not all(map(math.isfinite, values)):
        raise ValueError("PutMetricData takes finite numbers alone")
    return {
        "MetricName": str(metric["Name"]),
        "Dimensions": [{"Name": str(name), "Value": str(fields[name])} for name in names],
        "Timestamp": when,
        "Values": values,
        "Unit": str(metric.get("Unit", "None")),
        "StorageResolution": int(metric.get("StorageResolution", 60)),
    }


def of_lambda(function: str, unit: str = "Count", **values: float) -> MetricData:
    """What Lambda itself publishes of a function, in AWS/Lambda: `of_lambda("ocr", Throttles=1)`."""
    about = {"Dimensions": [{"Name": "FunctionName", "Value": function}], "Unit": unit}
    now = datetime.now(UTC)
    return [
        {**about, "MetricName": name, "Value": float(value), "Timestamp": now}
        for name, value in values.items()
    ]
