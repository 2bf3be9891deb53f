"""What AWS publishes by itself of executions, queues and hosts, into the local CloudWatch.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local_aws.account import ACCOUNT, REGION

Publish = Callable[[str, Sequence[Mapping[str, Any]]], None]
Hosts = Callable[[], Mapping[str, Sequence[int]]]
"""The processes behind each endpoint, by its name: each stands for an instance."""

_VARIANT: Final = "AllTraffic"
_ENDS: Final = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "ABORTED": "Aborted"}
_HZ: Final = os.sysconf("SC_CLK_TCK")


class ServiceMetrics:
    """What has happened since the last look at the services.

    Args:
        publish: takes a namespace and metric data.
        hosts: of the endpoints.
        host_looks: so many looks make the minute in which each host reports once.
    """

    def __init__(self, publish: Publish, hosts: Hosts, *, host_looks: int = 12) -> None:
        self._publish, self._hosts, self._host_looks = publish, hosts, host_looks
        self._executions = _Executions()
        self._usage: dict[tuple[str, int], tuple[float, float]] = {}
        self._looks = count()

    def look(self) -> None:
        """Publish it."""
        minute = next(self._looks) % self._host_looks == 0
        for namespace, data in (
            ("AWS/States", self._executions.news()),
            ("AWS/SQS", _queues()),
            ("/aws/sagemaker/Endpoints", self._host_data(every=minute)),
        ):
            if found := list(data):
                self._publish(namespace, found)

    def _host_data(self, *, every: bool) -> Iterator[Mapping[str, Any]]:
        """CPU in percent of one core since the last report, and memory in percent of this machine's.

        Of every host, or of those alone that have not reported yet.
        """
        now, total = time.monotonic(), os.sysconf("SC_PHYS_PAGES")
        for endpoint, pids in self._hosts().items():
            for pid in pids:
                found = _stat(pid) if every or (endpoint, pid) not in self._usage else None
                if found is None:
                    continue
                seconds, pages = found
                before, since = self._usage.get((endpoint, pid), (seconds, now - 1))
                self._usage[endpoint, pid] = (seconds, now)
                host = {"EndpointName": endpoint, "VariantName": _VARIANT}
                yield _datum("CPUUtilization", 100 * (seconds - before) / (now - since), "Percent", host)
                yield _datum("MemoryUtilization", 100 * pages / total, "Percent", host)


def executions_started() -> int:
    """How many executions there have been, of all state machines."""
    backend: Any = stepfunctions_parser_backends[ACCOUNT][REGION]
    return sum(len(machine.executions) for machine in list(backend.state_machines))


class _Executions:
    """Starts and ends of executions, each reported once."""

    def __init__(self) -> None:
        self._backend: Any = stepfunctions_parser_backends[ACCOUNT][REGION]
        self._running: dict[str, Any] = {}
        self._seen: dict[str, int] = {}

    def news(self) -> Iterator[Mapping[str, Any]]:
        """What has happened since the last call."""
        for machine in list(self._backend.state_machines):
            # Executions are only ever added, at the end.
            executions = machine.executions[self._seen.get(machine.arn, 0) :]
            self._seen[machine.arn] = self._seen.get(machine.arn, 0) + len(executions)
            for execution in executions:
                self._running[execution.exec_arn] = execution
                began = execution.start_date
                yield _datum("ExecutionsStarted", 1, "Count", {"StateMachineArn": machine.arn}, began)
        for arn, execution in list(self._running.items()):
            end = _ENDS.get(execution.status)
            if end is None or execution.stop_date is None:
                continue
            del self._running[arn]
            dimensions = {"StateMachineArn": execution.state_machine.arn}
            took = (execution.stop_date - execution.start_date).total_seconds() * 1_000
            when = execution.stop_date
            yield _datum(f"Executions{end}", 1, "Count", dimensions, when)
            yield _datum("ExecutionTime", took, "Milliseconds", dimensions, when)


def _queues() -> Iterator[Mapping[str, Any]]:
    now = time.time()
    for name, queue in list(sqs_backends[ACCOUNT][REGION].queues.items()):
        waiting = list(queue.messages)
        oldest = min((message.sent_timestamp / 1_000 for message in waiting), default=now)
        dimensions = {"QueueName": name}
        yield _datum("ApproximateNumberOfMessagesVisible", len(waiting), "Count", dimensions)
        yield _datum("ApproximateAgeOfOldestMessage", max(0.0, now - oldest), "Seconds", dimensions)


def _stat(pid: int) -> tuple[float, int] | None:
    """Seconds of CPU that a process has used, and pages of memory it holds; None once it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / _HZ, int(fields[21])


def _datum(
    name: str, value: float, unit: str, dimensions: Mapping[str, str], when: datetime | None = None
) -> Mapping[str, Any]:
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        "Value": float(value),
        "Unit": unit,
    }
    return datum if when is None else {**datum, "Timestamp": when}
