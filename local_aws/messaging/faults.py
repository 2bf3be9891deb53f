"""Faults of delivery, drawn from a seed: what AWS may do to a message, on demand and again."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError, model_validator

from local_aws.errors import ConfigurationError

Channel = Literal["sns", "sqs", "events"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]

# What differs from run to run in a message that is otherwise the same.
_VOLATILE: Final = frozenset(
    {
        "id", "time", "request-id", "sequencer", "source-ip-address",  # EventBridge, S3
        "MessageId", "Timestamp", "Signature", "SigningCertURL", "UnsubscribeURL",  # SNS
        "eventTime", "receivedTime",  # SageMaker
    }
)  # fmt: skip


class ChannelFaults(BaseModel):
    """What may happen to the messages of one channel; nothing by default.

    A message is dropped with probability `drop`; else delivered twice to `copies` times with probability
    `duplicate`; each delivery after a delay of its own, which shuffles them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop: Probability = 0.0
    duplicate: Probability = 0.0
    copies: Annotated[int, Field(ge=2, le=100, description="most deliveries of one message")] = 2
    delay_seconds: Annotated[
        tuple[Annotated[float, Field(ge=0.0)], Annotated[float, Field(le=900.0)]],
        Field(description="least and most"),
    ] = (0.0, 0.0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.delay_seconds[0] > self.delay_seconds[1]:
            raise ValueError("delay_seconds is the least delay, then the most")
        return self


_NONE: Final = ChannelFaults()


class FaultPlan(BaseModel):
    """Decides how often and when each message is delivered.

    A decision follows from the seed, the channel, what the message contains, and how many equal messages came
    before; so a run replays, whichever thread comes first.

    Args:
        sns: from a topic to its queues.
        sqs: from a queue to whoever receives.
        events: from a rule to its targets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    sns: ChannelFaults = _NONE
    sqs: ChannelFaults = _NONE
    events: ChannelFaults = _NONE
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _seen: Counter[tuple[str, str]] = PrivateAttr(default_factory=Counter)
    _done: dict[str, Counter[str]] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """A plan from TOML: `seed`, and a table for each channel with the fields of ChannelFaults.

        Raises:
            ConfigurationError: the file is not there, or holds what no plan can.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
            raise ConfigurationError(f"fault plan {path}: {' '.join(str(error).split())}") from None

    def deliveries(self, channel: Channel, message: str) -> tuple[float, ...]:
        """The delay in seconds of each delivery of a message; none when it is lost.

        Args:
            message: its text; what differs between runs (times, ids of AWS) is left out where it is JSON.
        """
        faults: ChannelFaults = getattr(self, channel)
        identity = "" if faults == _NONE else identity_of(message)
        with self._lock:
            self._seen[channel, identity] += 1
            chance = random.Random(f"{self.seed} {channel} {identity} {self._seen[channel, identity]}")  # noqa: S311
            delays = _draw(chance, faults)
            self._done.setdefault(channel, Counter(messages=0, deliveries=0, dropped=0)).update(
                messages=1,
                deliveries=len(delays),
                dropped=not delays,
                duplicated=len(delays) > 1,
                delayed=sum(delay > 0 for delay in delays),
            )
        return delays

    def summary(self) -> Mapping[str, Any]:
        """What was done so far, by channel: messages, deliveries, dropped, duplicated, delayed."""
        with self._lock:
            return {"seed": self.seed, **{name: dict(done) for name, done in sorted(self._done.items())}}


def identity_of(message: str) -> str:
    """A hash of what a message contains, the same in every run."""
    text = json.dumps(_stable(message), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(part) for key, part in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_stable(part) for part in value]
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            return _stable(_JSON.validate_json(value))
        except ValidationError:
            return value
    return value


_JSON: Final = TypeAdapter(dict[str, Any])  # which bounds the depth, as json does not


def _draw(chance: random.Random, faults: ChannelFaults) -> tuple[float, ...]:
    dropped, doubled = chance.random() < faults.drop, chance.random() < faults.duplicate
    count = 0 if dropped else chance.randint(2, faults.copies) if doubled else 1
    return tuple(chance.uniform(*faults.delay_seconds) for _ in range(count))
