"""What was measured of a local cloud that scales, and what the simulator says of the same documents.

Times are the policies' own seconds, since the beginning of the period in which the first document may come:
of a cloud at speed 60 a second of the clock is a minute of these.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import numpy as np

from autoscaling.policies import Policy
from autoscaling.simulation.events import simulate
from autoscaling.simulation.model import (
    STAGES,
    Arrivals,
    Delays,
    EndpointModel,
    Outcome,
    Pipeline,
    ServiceTime,
)
from hybrid_ocr.clients import Connection
from hybrid_ocr.load import Passed
from ocr_core.contracts.errors import ConfigurationError, EngineError
from ocr_core.contracts.jobs import EndpointStage
from topology import load_topology

__all__ = [
    "Agreement",
    "Scaling",
    "ServiceSeconds",
    "agreement",
    "look",
    "seconds_after_reading",
    "simulated",
]

_VARIANT: Final = "AllTraffic"
_MAP: Final = "ReadBatches"
_METRICS_PATIENCE: Final = 180.0


@dataclass(frozen=True)
class Scaling:
    """What /_local/scaling told, with the moment it did; `now` and all in `endpoints` are policy seconds."""

    at: float
    speed: float
    now: float
    period_seconds: float
    endpoints: Mapping[EndpointStage, Mapping[str, Any]]

    def instances(self, stage: EndpointStage, when: float) -> int:
        """In service at some time."""
        counts = [count for since, count in self.endpoints[stage]["changes"] if since <= when]
        return int(counts[-1]) if counts else 0

    def between(self, stage: EndpointStage, start: float, end: float) -> set[int]:
        """Every count that there was in this time."""
        changes = self.endpoints[stage]["changes"]
        return {self.instances(stage, start)} | {count for since, count in changes if start < since <= end}

    def policy(self, stage: EndpointStage) -> Policy:
        """Which it follows."""
        return Policy.model_validate(self.endpoints[stage]["policy"])

    @property
    def asleep(self) -> bool:
        """Whether every endpoint has no more instances than it must, and wants none."""
        return all(
            each["instances"] == each["desired"] == each["min_instances"] for each in self.endpoints.values()
        )

    def start_seconds(self, stage: EndpointStage, since: float) -> float | None:
        """From the decision for more instances to the last of them, on average; None where none was made."""
        told = self.endpoints[stage]
        took = []
        for decision in told["decisions"]:
            if decision["at"] < since or decision["to"] < decision["from"]:
                continue
            there = [
                when for when, count in told["changes"] if when > decision["at"] and count >= decision["to"]
            ]
            took += [there[0] - decision["at"]] if there else []
        return float(np.mean(took)) if took else None


def look(connection: Connection) -> Scaling | None:
    """How the endpoints of a local cloud scale now; None where it does not, or is none."""
    if not connection.local:
        return None
    url = connection.client("sts").meta.endpoint_url
    answer = httpx.get(f"{url}/_local/scaling", trust_env=False)
    if answer.status_code != 200:
        return None
    told, names = answer.json(), connection.names
    endpoints: dict[EndpointStage, Mapping[str, Any]] = {
        stage: told["endpoints"][names.endpoint(stage, "async")] for stage in STAGES
    }
    return Scaling(time.time(), told["speed"], told["now"], told["period_seconds"], endpoints)


@dataclass(frozen=True)
class ServiceSeconds:
    """Means over a run, in seconds of the clock, as CloudWatch has them.

    Attributes:
        model: ModelLatency, how long a container works on an invocation.
        total: TotalProcessingTime, from when it is accepted to its output.
    """

    model: float
    total: float

    @classmethod
    def of(
        cls, connection: Connection, stage: EndpointStage, since: float, invocations: int
    ) -> ServiceSeconds:
        """Ask CloudWatch, until it knows of that many invocations.

        Raises:
            EngineError: it does not within minutes.
        """
        return cls(
            _mean(connection, stage, "ModelLatency", since, invocations) / 1e6,
            _mean(connection, stage, "TotalProcessingTime", since, invocations) / 1e3,
        )


def _mean(connection: Connection, stage: EndpointStage, metric: str, since: float, least: int) -> float:
    cloudwatch, deadline = connection.client("cloudwatch"), time.monotonic() + _METRICS_PATIENCE
    endpoint = {"EndpointName": connection.names.endpoint(stage, "async"), "VariantName": _VARIANT}
    told = {
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in endpoint.items()],
    }
    queries = [
        {"Id": name.lower(), "MetricStat": {"Metric": told, "Period": 60, "Stat": name}}
        for name in ("Sum", "SampleCount")
    ]
    while True:
        with connection.translated():
            found = cloudwatch.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(since, UTC),
                EndTime=datetime.fromtimestamp(time.time() + 60, UTC),
            )["MetricDataResults"]
        values = {each["Id"]: sum(each["Values"]) for each in found}
        count = values.get("samplecount", 0)
        if count >= least:
            return float(values["sum"] / count)
        if time.monotonic() > deadline:
            raise EngineError(f"CloudWatch has {count:g} of {least} values of {metric} of {stage}")
        time.sleep(0.5)


def seconds_after_reading(connection: Connection, passed: Sequence[Passed]) -> float:
    """Mean seconds of the clock from when all batches of a document are read to its outcome."""
    flow, took = connection.client("stepfunctions"), []
    for each in passed:
        arn = connection.names.execution_arn("documents", f"{each.job_id}-1")
        with connection.translated():
            pages = flow.get_paginator("get_execution_history").paginate(executionArn=arn)
            ends = [
                event["timestamp"].timestamp()
                for page in pages
                for event in page["events"]
                if event.get("stateExitedEventDetails", {}).get("name") == _MAP
            ]
        if ends:
            took.append(each.stopped - max(ends))
    return float(np.mean(took)) if took else 0.0


def simulated(
    scaling: Scaling,
    start: Scaling,
    passed: Sequence[Passed],
    services: Mapping[EndpointStage, ServiceSeconds],
    *,
    pages: int,
    after: float,
) -> Outcome:
    """What the simulator makes of the same documents, with what was measured of each single step.

    Waiting and cold starts are its own; what the flow takes beside its endpoints is the measured mean.

    Args:
        scaling: what was told after the run.
        start: the same before it; its period is where time begins.
        passed: the documents.
        services: of each endpoint.
        pages: of each document.
        after: of the flow's own seconds, those after the last endpoint.

    Raises:
        ConfigurationError: no endpoint started an instance, so nothing is known of how long that takes.
    """
    speed, zero = start.speed, _zero(start)
    own = (
        float(np.mean([each.latency for each in passed]))
        - services["text_detection"].total
        - services["ocr"].total
    )
    after = min(max(after, 0.0), max(own, 0.0))
    starts = {stage: scaling.start_seconds(stage, zero) for stage in STAGES}
    known = [seconds for seconds in starts.values() if seconds is not None]
    if not known:
        raise ConfigurationError("no endpoint started an instance: nothing to compare with the simulator")
    topology = load_topology()
    endpoints: dict[EndpointStage, EndpointModel] = {}
    for stage in STAGES:
        seconds = starts[stage]
        endpoints[stage] = EndpointModel(
            policy=scaling.policy(stage),
            service=ServiceTime.constant(services[stage].model * speed),
            concurrency=topology.endpoints[stage].concurrent_invocations,
            delays=Delays(max(known) if seconds is None else seconds, 0.0, 0.0),
        )
    wakes = [model.policy.wake for model in endpoints.values()]
    pipeline = Pipeline(
        endpoints,
        before_seconds=max(own - after, 0.0) * speed,
        after_seconds=after * speed,
        wake_together=all(wake and wake.on_documents for wake in wakes),
        wake_seconds=float(np.mean([each.started - each.submitted for each in passed])) * speed,
        wake_period_seconds=start.period_seconds,
    )
    times = np.sort([(each.submitted - start.at) * speed + start.now - zero for each in passed])
    arrivals = Arrivals(times, np.full(len(times), pages), scaling.now - zero)
    return simulate(pipeline, arrivals)


@dataclass(frozen=True)
class Agreement:
    """How many of the periods agree: the simulated count was there within a period of that time."""

    periods: int
    agreeing: int
    rows: tuple[tuple[float, int, int], ...]
    """End of a period, instances that were measured, and simulated, where either changed."""


def agreement(scaling: Scaling, start: Scaling, outcome: Outcome, stage: EndpointStage) -> Agreement:
    """Compare the instances of an endpoint over time."""
    zero, period, series = _zero(start), scaling.period_seconds, outcome.endpoints[stage]
    agreeing, rows, last = 0, [], (-1, -1)
    pairs = [
        (t, int(n)) for t, n in zip(series.times, series.instances, strict=True) if zero + t <= scaling.now
    ]
    for when, count in pairs:
        agreeing += count in scaling.between(stage, zero + when - period, zero + when + period)
        now = (scaling.instances(stage, zero + when), count)
        if now != last:
            rows.append((float(when), *now))
        last = now
    return Agreement(len(pairs), agreeing, tuple(rows))


def _zero(start: Scaling) -> float:
    return start.now // start.period_seconds * start.period_seconds
