"""Metrics that functions print, and those of Lambda itself, into what PutMetricData takes.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
import math
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

MetricData = list[dict[str, Any]]
OnMetrics = Callable[[str, MetricData], None]
"""Gets a namespace and its new data, in the shape of PutMetricData."""

_MOST_DATA: Final = 1000
"""Of one PutMetricData."""

_log = logging.getLogger(__name__)


def parse(line: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each namespace and datum that a line of a log tells; none where it is not in the format."""
    if not line.startswith(b"{") or b'"_aws"' not in line:
        return
    try:
        told = json.loads(line)
        when = datetime.fromtimestamp(told["_aws"]["Timestamp"] / 1000, UTC)
        data = [
            (str(directive["Namespace"]), _datum(told, metric, names, when))
            for directive in told["_aws"]["CloudWatchMetrics"]
            for names in directive["Dimensions"] or [[]]
            for metric in directive["Metrics"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return
    yield from data


def _datum(told: dict[str, Any], metric: dict[str, Any], names: list[str], when: datetime) -> dict[str, Any]:
    value = told[metric["Name"]]
    values = [float(one) for one in (value if isinstance(value, list) else [value])]
    if not all(map(math.isfinite, values)):
        raise ValueError("PutMetricData takes finite numbers alone")
    return {
        "MetricName": str(metric["Name"]),
        "Dimensions": [{"Name": str(name), "Value": str(told[name])} for name in names],
        "Timestamp": when,
        "Values": values,
        "Unit": str(metric.get("Unit", "None")),
        "StorageResolution": int(metric.get("StorageResolution", 60)),
    }


class MetricsForwarder:
    """Hands metrics on in a thread of its own, many at once, so that no invocation waits for it."""

    def __init__(self, on_metrics: OnMetrics) -> None:
        self._on_metrics = on_metrics
        self._queue: queue.SimpleQueue[tuple[str, dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="function-metrics", daemon=True)

    def start(self) -> None:
        """Begin to hand on."""
        self._thread.start()

    def stop(self) -> None:
        """Hand on what is there, and end."""
        self._queue.put(None)
        self._thread.join()

    def take(self, line: bytes) -> None:
        """A line of a log, whatever it is."""
        for entry in parse(line):
            self._queue.put(entry)

    def take_invocation(self, function: str, seconds: float, *, failed: bool) -> None:
        """What Lambda itself publishes of an invocation."""
        self._take_own(function, "Invocations", 1, "Count")
        self._take_own(function, "Errors", int(failed), "Count")
        self._take_own(function, "Duration", 1_000 * seconds, "Milliseconds")

    def take_throttle(self, function: str) -> None:
        """A call that found no instance."""
        self._take_own(function, "Throttles", 1, "Count")

    def _take_own(self, function: str, name: str, value: float, unit: str) -> None:
        dimensions = [{"Name": "FunctionName", "Value": function}]
        datum = {"MetricName": name, "Dimensions": dimensions, "Value": float(value), "Unit": unit}
        self._queue.put(("AWS/Lambda", {**datum, "Timestamp": datetime.now(UTC)}))

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            while not self._queue.empty() and len(batch) < _MOST_DATA:
                batch.append(self._queue.get())
            last = None in batch
            by_namespace: defaultdict[str, MetricData] = defaultdict(list)
            for entry in batch:
                if entry is not None:
                    by_namespace[entry[0]].append(entry[1])
            for namespace, data in by_namespace.items():
                try:
                    self._on_metrics(namespace, data)
                except Exception:
                    _log.exception("metrics of functions were lost")
