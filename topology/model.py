"""The shape of component.toml, and its loader."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hybrid_ocr.contracts.jobs import EndpointMode, EndpointStage
from hybrid_ocr.contracts.names import VARIABLE_PREFIX, Names
from hybrid_ocr.contracts.stages import STAGES

__all__ = ["Bucket", "Endpoint", "Function", "Index", "Queue", "Rule", "StateMachine", "Table", "Topic"]

CORE_MB: Final = 1_769
"""Memory with which a function has one processor; with less it has that share of one.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""
LONGEST_STARTUP_SECONDS: Final = 4.0
"""Of the ten that Lambda allows: a first start also fetches the image, and another machine may be slower."""

FUNCTIONS: Final = "functions"
"""Names the dead-letter queue of all functions: what none of them could take."""
EXECUTIONS_A_CALL: Final = 4
"""Executions under way for each call that the functions of the flow take at once, unless a number is set."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bucket(_Part):
    """A bucket: what it holds expires, or it says why not."""

    versioned: bool = False
    event_prefix: Annotated[str | None, Field(description="S3 tells the default bus of objects under it")] = (
        None
    )
    expire_days: Annotated[int, Field(ge=1)] | None = None
    keep: str | None = None

    @model_validator(mode="after")
    def _expires_or_says_why(self) -> Self:
        if (self.expire_days is None) == (self.keep is None):
            raise ValueError("a bucket has either expire_days or keep, which says why it does not expire")
        return self


class Queue(_Part):
    """A queue with its dead-letter queue."""

    visibility_seconds: Annotated[int, Field(ge=0, le=43_200)]
    max_receives: Annotated[int, Field(ge=1, le=1_000)]


class Topic(_Part):
    """A topic with the queue that is subscribed to it."""

    queue: str


class Index(_Part):
    """A global secondary index."""

    name: str
    key: str
    sort: str


class Table(_Part):
    """A DynamoDB table, paid by request; its keys are strings, the sort keys of its indexes numbers."""

    key: str
    ttl: str
    indexes: Annotated[tuple[Index, ...], Field(min_length=1)]

    @property
    def attributes(self) -> dict[str, Literal["S", "N"]]:
        """The type of every attribute that is a key."""
        types: dict[str, Literal["S", "N"]] = {self.key: "S"}
        for index in self.indexes:
            types |= {index.key: "S", index.sort: "N"}
        return types


class Rule(_Part):
    """An EventBridge rule: a pattern to a queue, or a schedule to a function."""

    bus: str
    pattern: str | None = None
    schedule: str | None = None
    target_queue: str | None = None
    target_function: str | None = None

    @model_validator(mode="after")
    def _one_cause_one_target(self) -> Self:
        if (self.pattern is None) == (self.schedule is None):
            raise ValueError("a rule has a pattern or a schedule")
        if (self.target_queue is None) == (self.target_function is None):
            raise ValueError("a rule has one target")
        return self

    def event_pattern(self, names: Names) -> dict[str, Any] | None:
        """The pattern with the names of a deployment; None where the clock is the cause."""
        return None if self.pattern is None else dict(names.resolve_all(json.loads(self.pattern)))

    def target_arn(self, names: Names) -> str:
        """The ARN of the queue or function that events go to."""
        if self.target_queue is not None:
            return names.arn("sqs", names.queue(self.target_queue))
        return names.arn("lambda", f"function:{names.function(str(self.target_function))}")

    @property
    def dead_letter_queue(self) -> str:
        """Names the dead-letter queue of what could not be delivered."""
        return self.target_queue or FUNCTIONS


class StateMachine(_Part):
    """A state machine, defined by a file of `stepfunctions/`."""

    definition: str
    log_level: Literal["ALL", "ERROR", "FATAL", "OFF"]
    most_executions: Annotated[
        int | None,
        Field(ge=1, le=5_000, description="under way at once; their names are one item of a table"),
    ] = None


class Function(_Part):
    """A Lambda function; `queue` feeds it in batches."""

    handler: str
    image: Literal["light", "heavy"]
    memory_mb: Annotated[int, Field(ge=128, le=10_240)]
    startup_cpu_seconds: Annotated[
        float | None,
        Field(gt=0, description="of a processor, to import its handler; `python -m infra.startup`"),
    ] = None
    timeout_seconds: Annotated[int, Field(ge=1, le=900)]
    concurrency: Annotated[int, Field(ge=1, description="reserved concurrency")]
    queue: str | None = None
    batch_size: Annotated[int, Field(ge=1, le=10)] = 1
    environment: Mapping[str, str] = Field(default_factory=dict)

    @property
    def startup_seconds(self) -> float | None:
        """What its start-up takes at its memory, by which Lambda gives a share of a processor."""
        if self.startup_cpu_seconds is None:
            return None
        return self.startup_cpu_seconds / min(1.0, self.memory_mb / CORE_MB)

    @model_validator(mode="after")
    def _starts_in_time(self) -> Self:
        seconds = self.startup_seconds
        if seconds is not None and seconds > LONGEST_STARTUP_SECONDS:
            least = math.ceil(self.memory_mb * seconds / LONGEST_STARTUP_SECONDS)
            raise ValueError(
                f"memory_mb: its start-up takes {seconds:.1f} s with {self.memory_mb} MB, and Lambda ends it "
                f"after 10 s: give it {least} MB or more"
            )
        return self


class Endpoint(_Part):
    """A SageMaker endpoint: one stage and, where it has weights, its model artefact."""

    instance_type: Annotated[str, Field(description="unless a stage of infra/stages/ says otherwise")]
    concurrent_invocations: Annotated[int, Field(ge=1, le=1_000, description="per instance")]
    invocation_timeout_seconds: Annotated[int, Field(ge=11, le=3_600, description="asynchronous calls")]

    def environment(self, mode: EndpointMode) -> dict[str, str]:
        """The variables of its containers beside their own defaults, which are those of a real-time call.

        A container that is late says so itself, ten seconds before SageMaker hangs up.
        """
        if mode == "realtime":
            return {}
        return {f"{VARIABLE_PREFIX}REQUEST_SECONDS": str(self.invocation_timeout_seconds - 10)}


class Topology(_Part):
    """Everything the component consists of."""

    buckets: Mapping[str, Bucket]
    queues: Mapping[str, Queue]
    topics: Mapping[str, Topic]
    tables: Mapping[str, Table]
    rules: Mapping[str, Rule]
    state_machines: Mapping[str, StateMachine]
    functions: Mapping[str, Function]
    endpoints: Mapping[EndpointStage, Endpoint]

    @model_validator(mode="after")
    def _hosts_every_stage(self) -> Self:
        for name, spec in STAGES.items():
            declared = self.endpoints if spec.host == "endpoint" else self.functions
            if name not in declared:
                raise ValueError(f"stage {name} is hosted by no {spec.host}: add [{spec.host}s.{name}]")
        return self

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> Self:
        for name, queue in self._queue_references():
            if queue not in self.queues:
                raise ValueError(f"{name} refers to queue {queue}, which is not declared")
        for name, rule in self.rules.items():
            if rule.target_function is not None and rule.target_function not in self.functions:
                raise ValueError(
                    f"rule {name} refers to function {rule.target_function}, which is not declared"
                )
        for name, function in self.functions.items():
            visibility = self.queues[function.queue].visibility_seconds if function.queue else None
            if visibility is not None and visibility < 6 * function.timeout_seconds:
                raise ValueError(
                    f"the queue of function {name} shows a message again too early: below 6 timeouts"
                )
        return self

    def most_executions(self, machine: str) -> int:
        """How many executions of a state machine may be under way at once.

        Unless it is set, four for each call that its functions take at once, which are those that neither a
        queue nor the clock starts: an execution calls functions for seconds, and waits for endpoints for the
        rest of its time. More would only be throttled.
        """
        most = self.state_machines[machine].most_executions
        if most is not None:
            return most
        fed = {rule.target_function for rule in self.rules.values() if rule.schedule}
        called = [f for name, f in self.functions.items() if f.queue is None and name not in fed]
        return EXECUTIONS_A_CALL * sum(function.concurrency for function in called)

    def environment(self, function: str, names: Names) -> dict[str, str]:
        """The environment variables of a function, with the names, ARNs and limits of a deployment."""
        return {
            VARIABLE_PREFIX + name: self.resolve(value, names)
            for name, value in self.functions[function].environment.items()
        }

    def resolve(self, value: str, names: Names) -> str:
        """A value of an environment: the name, ARN or limit that it stands for; other text is itself."""
        kind, _, name = value.partition(":")
        return str(self.most_executions(name)) if kind == "most_executions" else names.resolve(value)

    @property
    def dead_letter_queues(self) -> tuple[str, ...]:
        """One beside each queue, and that of the functions."""
        return (*self.queues, FUNCTIONS)

    def _queue_references(self) -> list[tuple[str, str]]:
        found = [(f"topic {name}", topic.queue) for name, topic in self.topics.items()]
        found += [
            (f"rule {name}", rule.target_queue) for name, rule in self.rules.items() if rule.target_queue
        ]
        return found + [(f"function {name}", f.queue) for name, f in self.functions.items() if f.queue]


@cache
def load_topology() -> Topology:
    """component.toml; the same object every time."""
    text = files("topology").joinpath("component.toml").read_text("utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    return Topology.model_validate(data)
