"""What was measured of a local cloud that scales, and what the simulator says of the same documents.

Times are the policies' own seconds, since the beginning of the period in which the first document may come:
of a cloud at speed 60 a second of the clock is a minute of these.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray

from autoscaling.load import Passed
from autoscaling.policies import Policy
from autoscaling.simulation.events import Work, simulate_work
from autoscaling.simulation.model import STAGES, WAYS, Delays, EndpointModel, ServiceTime, before
from autoscaling.simulation.outcome import Outcome
from hybrid_ocr.clients import Connection
from hybrid_ocr.contracts.errors import ConfigurationError, EngineError
from hybrid_ocr.contracts.jobs import EndpointStage
from topology import load_topology

__all__ = ["Agreement", "Scaling", "agreement", "look", "simulated", "steps"]

_PATIENCE: Final = 10.0
_SAME: Final = 1e-6
"""Policy seconds: times nearer to each other are the same."""


@dataclass(frozen=True)
class Scaling:
    """What /_local/scaling told, and the moment it did.

    Attributes:
        at: the moment, as time.time() has it.
        speed: how many policy seconds pass in one of the clock.
        now: the moment in policy seconds, which all that follows is in too.
        period_seconds: of the metrics.
        readings: of each reading of the gauges when it was due, and when it was made.
        endpoints: instances, decisions and the policy of each.
    """

    at: float
    speed: float
    now: float
    period_seconds: float
    readings: Sequence[tuple[float, float]]
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

    def arrivals(self, stage: EndpointStage) -> list[float]:
        """When instances came into service."""
        counts = [(0.0, 0), *self.endpoints[stage]["changes"]]
        return [since for (_, before), (since, count) in pairwise(counts) if count > before]

    def readings_since(self, since: float) -> NDArray[np.float64] | None:
        """(n,) when the gauges were read that were due after a time; None where one of them is forgotten."""
        due, read = np.array([pair for pair in self.readings if pair[0] > since]).reshape(-1, 2).T
        steps = np.diff(due, prepend=since)
        return read if len(due) and np.ptp(steps) < _SAME else None

    def starts(self, stage: EndpointStage, since: float) -> tuple[float, ...]:
        """Seconds from the decision to its service, of each instance, in the order they were asked for."""
        told, took = self.endpoints[stage], []
        for decision in told["decisions"]:
            if decision["at"] >= since:
                for wanted in range(decision["from"] + 1, decision["to"] + 1):
                    there = (t for t, count in told["changes"] if t > decision["at"] and count >= wanted)
                    took += [when - decision["at"] for when in [next(there, None)] if when is not None]
        return tuple(took)


def look(connection: Connection) -> Scaling | None:
    """How the endpoints of a local cloud scale now; None where it does not, or is none."""
    if not connection.local:
        return None
    answer = _ask(connection, "scaling")
    if answer.status_code != 200:
        return None
    told, names = answer.json(), connection.names
    endpoints: dict[EndpointStage, Mapping[str, Any]] = {
        stage: told["endpoints"][names.endpoint(stage, "async")] for stage in STAGES
    }
    moments = [(due, read) for due, read in told["readings"]]
    return Scaling(told["at"], told["speed"], told["now"], told["period_seconds"], moments, endpoints)


def _ask(connection: Connection, what: str) -> httpx.Response:
    return httpx.get(f"{connection.client('sts').meta.endpoint_url}/_local/{what}", trust_env=False)


def steps(connection: Connection, passed: Sequence[Passed], start: Scaling, after: Scaling) -> Work:
    """What was measured of each step of the documents, in the policies' seconds since time began.

    Args:
        connection: to the local cloud.
        passed: the documents.
        start: what was told before they came.
        after: what was told when all was over.

    Raises:
        EngineError: the local cloud cannot tell of each batch's way through each endpoint: it was lost on it
            and its pages were tried again, or so many came after it that it is forgotten.
    """
    names, deadline = connection.names, time.monotonic() + _PATIENCE
    while True:
        answer = _ask(connection, "invocations").json()
        visits = {stage: _visits(answer[names.endpoint(stage, "async")]) for stage in STAGES}
        jobs = {each.job_id for each in passed}
        batches = {batch for told in visits.values() for batch in told if batch[0] in jobs}
        missing = sorted(jobs - {job for job, _ in batches})
        missing += [
            job for job, label in batches if not all((job, label) in told for told in visits.values())
        ]
        if not missing:
            return _work(sorted(passed, key=lambda each: each.submitted), visits, start, after)
        if time.monotonic() > deadline:
            raise EngineError(f"of job {missing[0]} not every batch was seen at every endpoint")
        time.sleep(0.1)


_Batch = tuple[str, str]
"""Its job and its label."""
_Visits = Mapping[_Batch, Mapping[str, float]]
"""Of each batch at an endpoint: when it was accepted, begun and answered, as time.time() has it."""


def _visits(told: Sequence[Mapping[str, Any]]) -> _Visits:
    """By batch; if one was tried again the last time counts."""
    return {_batch(each["inference_id"]): each for each in told}


def _batch(inference_id: str) -> _Batch:
    job, _, rest = inference_id.partition("-")
    return job, rest.rpartition("-")[0]


def _work(
    passed: Sequence[Passed], visits: Mapping[EndpointStage, _Visits], start: Scaling, after: Scaling
) -> Work:
    index = {each.job_id: at for at, each in enumerate(passed)}
    batches = sorted(
        (batch for batch in visits[STAGES[0]] if batch[0] in index), key=lambda batch: index[batch[0]]
    )
    document = np.array([index[job] for job, _ in batches])

    def at(told: _Visits, moment: str) -> NDArray[np.float64]:
        return np.array([told[batch][moment] for batch in batches])

    def seconds(since: NDArray[np.float64], until: NDArray[np.float64]) -> NDArray[np.float64]:
        """Clocks differ by little, and nothing ends before it began."""
        return np.maximum(until - since, 0.0) * start.speed

    def moments(clock: NDArray[np.float64]) -> NDArray[np.float64]:
        return (clock - start.at) * start.speed + start.now - _zero(start)

    def service(stage: EndpointStage, told: _Visits) -> NDArray[np.float64]:
        """From when it could have begun, so with what it takes to hand it to a container."""
        came = (np.array(after.arrivals(stage)) - start.now) / start.speed + start.at
        freed = np.sort([*came, *(each["answered"] for each in told.values())])
        last_freed = np.searchsorted(freed, at(told, "begun"), side="right") - 1
        could_begin = np.where(last_freed < 0, -np.inf, freed[last_freed])
        return seconds(np.maximum(at(told, "accepted"), could_begin), at(told, "answered"))

    submitted = np.array([each.submitted for each in passed])
    last = np.zeros(len(passed))
    np.maximum.at(last, document, np.max([at(visits[way[-1]], "answered") for way in WAYS], axis=0))

    def sent(stage: EndpointStage) -> NDArray[np.float64]:
        earlier = before(stage)
        return at(visits[earlier], "answered") if earlier else submitted[document]

    return Work(
        arrival=moments(submitted),
        document=document,
        before={stage: seconds(sent(stage), at(told, "accepted")) for stage, told in visits.items()},
        after=seconds(last, np.array([each.stopped for each in passed])),
        service={stage: service(stage, told) for stage, told in visits.items()},
        pages=float(len(passed)),
        coming=np.sort(moments(np.array([each.started for each in passed]))),
    )


def simulated(scaling: Scaling, start: Scaling, work: Work) -> Outcome:
    """What the simulator makes of the same documents: waiting and cold starts are its own.

    Args:
        scaling: what was told after the run.
        start: the same before it; its period is where time begins.
        work: the documents, with what was measured of their steps.

    Raises:
        ConfigurationError: no endpoint started an instance, so nothing is known of how long that takes.
    """
    zero, topology = _zero(start), load_topology()
    if (readings := scaling.readings_since(zero)) is not None:
        work = replace(work, readings=readings - zero)
    starts = {stage: scaling.starts(stage, zero) for stage in STAGES}
    if not (known := [seconds for each in starts.values() for seconds in each]):
        raise ConfigurationError("no endpoint started an instance: nothing to compare with the simulator")
    endpoints = {
        stage: EndpointModel(
            policy=scaling.policy(stage),
            service=ServiceTime.constant(float(work.service[stage].mean())),
            concurrency=topology.endpoints[stage].concurrent_invocations,
            delays=Delays(float(np.mean(known)), 0.0, 0.0),
            starts=starts[stage],
        )
        for stage in STAGES
    }
    return simulate_work(
        endpoints,
        work,
        scaling.now - zero,
        # Schedules follow the policies' time, which began with the clock's and then went its own way.
        start=datetime.fromtimestamp(start.at - start.now / start.speed + zero, UTC),
        random=np.random.default_rng(0),
    )


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
