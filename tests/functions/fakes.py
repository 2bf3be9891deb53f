"""Small stand-ins with the same laws as the services: objects, waiting states, an endpoint, the clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.codec import encode
from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.keys import JOBS
from hybrid_ocr.storage.objects import ObjectFacts, Objects
from hybrid_ocr.storage.settle import FailureNotice

WORK = "hybrid-ocr-work"


class Clock:
    """Time that passes only when it is told to, or by a little with each look."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


@dataclass
class Shelf:
    """Objects of all buckets, by URI."""

    clock: Clock
    bucket: str = WORK
    kept: dict[str, tuple[bytes, float]] = field(default_factory=dict)

    def at(self, bucket: str) -> Shelf:
        return Shelf(self.clock, bucket, self.kept)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def key_of(self, uri: str) -> str:
        return Objects.key_of(cast("Objects", self), uri)

    def copy(self, key: str, to: str) -> None:
        self.put(to, self.get(key))

    def exists(self, key: str) -> bool:
        return self.uri(key) in self.kept

    def get(self, key: str) -> bytes:
        return self.kept[self.uri(key)][0]

    def put(self, key: str, body: bytes, content_type: str = "") -> None:
        self.kept[self.uri(key)] = (body, self.clock())

    def write(self, key: str, message: Message) -> None:
        self.put(key, encode(message, "application/json"))

    def facts(self, key: str) -> ObjectFacts | None:
        if not self.exists(key):
            return None
        body, at = self.kept[self.uri(key)]
        return ObjectFacts(len(body), "etag", None, datetime.fromtimestamp(int(at), UTC))


@dataclass
class States:
    """States that wait with tokens: each takes one answer, and none once it has given up."""

    waiting: set[str] = field(default_factory=set)
    succeeded: Counter[str] = field(default_factory=Counter)
    failed: dict[str, ErrorInfo] = field(default_factory=dict)
    refused: int = 0
    heartbeats: Counter[str] = field(default_factory=Counter)

    def _gone(self, token: str) -> bool:
        gone = token not in self.waiting
        self.refused += gone
        return gone

    def succeed(self, token: str) -> bool:
        if self._gone(token):
            return False
        self.waiting.remove(token)
        self.succeeded[token] += 1
        return True

    def fail(self, token: str, error: ErrorInfo) -> bool:
        if self._gone(token):
            return False
        self.waiting.remove(token)
        self.failed[token] = error
        return True

    def heartbeat(self, token: str) -> bool:
        if self._gone(token):
            return False
        self.heartbeats[token] += 1
        return True


@dataclass
class Endpoint:
    """An asynchronous endpoint whose invocations end when they are told to."""

    shelf: Shelf
    clock: Clock
    invocations: list[dict[str, Any]] = field(default_factory=list)
    in_flight: list[dict[str, Any]] = field(default_factory=list)
    joined: str = "{path}/{folder}/{file}"
    """How the service makes a key of what it is told."""
    bucket: str = WORK
    broken: Exception | None = None

    def invoke_endpoint_async(self, **asked: Any) -> dict[str, str]:
        if self.broken:
            raise self.broken
        number = len(self.invocations)
        key = self.joined.format(path=JOBS, folder=asked["S3OutputPathExtension"], file=asked["Filename"])
        asked["output"] = f"s3://{self.bucket}/{key}"
        asked["failure"] = f"s3://{self.bucket}/failures/{number}.out"
        self.invocations.append(asked)
        self.in_flight.append(asked)
        return {
            "InferenceId": asked["InferenceId"],
            "OutputLocation": asked["output"],
            "FailureLocation": asked["failure"],
        }

    def succeed(self, invocation: dict[str, Any]) -> None:
        self.in_flight.remove(invocation)
        self.shelf.put(self.shelf.key_of(invocation["output"]), b"output")

    def fail(self, invocation: dict[str, Any], reason: str = "", leaves_object: bool = True) -> FailureNotice:
        self.in_flight.remove(invocation)
        if leaves_object:
            self.shelf.put(self.shelf.key_of(invocation["failure"]), reason.encode())
        return FailureNotice(reason, datetime.fromtimestamp(self.clock(), UTC))
