"""Tickets in DynamoDB: which states wait for which invocation of an endpoint.

A ticket is made by the first state that asks for an invocation and outlives it for some days. While states
wait it is open: it has the attributes `open` and `created_at`, which put it into the sparse index of what
sweep goes through. It keeps every token that may still wait, so that no order of two dispatches of the same
batch can lose one: an answer goes to all of them, and a token that nobody waits with costs a call in vain.
Every dispatch raises `generation`; writes that follow from an earlier look at the ticket hold only for the
generation they saw. Times are seconds since 1970, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from time import time
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.jobs import EndpointStage, StageTask
from hybrid_ocr.contracts.keys import error_key, inference_id, output_key
from hybrid_ocr.storage.faults import CONFIG, is_condition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

INDEX: Final = "open"
KEPT_SECONDS: Final = 7 * 86_400
"""How long a ticket is kept after its last dispatch: longer than any invocation may wait and run."""
UNSENT_SECONDS: Final = 300
"""After which a ticket without an invocation is given up: longer than dispatch may take to make one."""

_OPEN: Final = (
    "SET #open = :open, created_at = if_not_exists(created_at, :now), dispatched_at = :now, "
    "stage = :stage, job_id = :job_id, attempt = :attempt, label = :label, "
    "output_key = :output_key, error_key = :error_key, expires_at = :expires_at "
    "ADD task_tokens :tokens, generation :one"
)
_SENT: Final = (
    "SET endpoint = :endpoint, output_uri = :output, failure_uri = :failure, sent_at = :at, deadline = :till"
)
_CLOSE: Final = "REMOVE #open, created_at, task_tokens, sent_at, deadline"
_SEEN: Final = "#open = :open AND generation = :seen"


@dataclass(frozen=True)
class Invocation:
    """An asynchronous invocation that was accepted.

    `deadline` is when even the slowest answer has come: its time in the queue and its time to run are over.
    """

    endpoint: str
    output_uri: str
    failure_uri: str | None
    sent_at: float
    deadline: float


@dataclass(frozen=True)
class Ticket:
    """What is known of an invocation that states wait for.

    `output_key` and `error_key` lie in the work bucket. `created_at` is when the first of its states came,
    `dispatched_at` when the last did. `invocation` is None while none is in flight.
    """

    inference_id: str
    stage: EndpointStage
    job_id: str
    attempt: int
    label: str
    tokens: frozenset[str]
    output_key: str
    error_key: str
    created_at: float
    dispatched_at: float
    generation: int
    invocation: Invocation | None

    @property
    def since(self) -> float:
        """From when on the invocation in flight can have ended; what happened before was another one's."""
        return self.invocation.sent_at if self.invocation else self.dispatched_at

    @property
    def deadline(self) -> float:
        """When waiting ends."""
        return self.invocation.deadline if self.invocation else self.dispatched_at + UNSENT_SECONDS


class Tickets:
    """The table of tickets."""

    def __init__(self, name: str, table: Table | None = None) -> None:
        self._table: Table = table or boto3.resource("dynamodb", config=CONFIG).Table(name)

    def open(self, task: StageTask) -> Ticket:
        """Let a state wait for an invocation, beside any that already does; the ticket as it is now."""
        now = time()
        batch = task.batch
        answer = self._table.update_item(
            Key={"inference_id": inference_id(batch, task.stage)},
            UpdateExpression=_OPEN,
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={
                ":open": "1",
                ":now": _decimal(now),
                ":stage": task.stage,
                ":job_id": task.job.job_id,
                ":attempt": task.job.attempt,
                ":label": batch.label,
                ":output_key": output_key(batch, task.stage),
                ":error_key": error_key(batch, task.stage),
                ":expires_at": int(now) + KEPT_SECONDS,
                ":tokens": {task.token},
                ":one": 1,
            },
            ReturnValues="ALL_NEW",
        )
        return _ticket(answer["Attributes"])

    def sent(self, ticket: Ticket, invocation: Invocation) -> bool:
        """Note the invocation made for a ticket; False: it was answered or dispatched again meanwhile."""
        return self._update(
            ticket,
            _SENT,
            {
                ":endpoint": invocation.endpoint,
                ":output": invocation.output_uri,
                ":failure": invocation.failure_uri,
                ":at": _decimal(invocation.sent_at),
                ":till": _decimal(invocation.deadline),
            },
        )

    def close(self, ticket: Ticket) -> bool:
        """Close a ticket whose tokens are all answered; False: another state has come to wait meanwhile."""
        return self._update(ticket, _CLOSE, {})

    def drop(self, ticket: Ticket, tokens: frozenset[str]) -> bool:
        """Forget tokens that nobody waits with; False: the ticket has changed meanwhile."""
        return bool(tokens) and self._update(ticket, "DELETE task_tokens :gone", {":gone": set(tokens)})

    def leave(self, ticket: Ticket, token: str) -> None:
        """Let one state wait no more; the last one closes the ticket."""
        if ticket.tokens == {token}:
            self.close(ticket)
        else:
            self.drop(ticket, frozenset({token}))

    def get(self, inference_id: str) -> Ticket | None:
        """An open ticket, as the last write left it; None where no state waits."""
        answer = self._table.get_item(Key={"inference_id": inference_id}, ConsistentRead=True)
        item = answer.get("Item")
        return _ticket(item) if item and "open" in item else None

    def open_ids(self) -> Iterator[tuple[str, float]]:
        """Inference id and time of creation of every open ticket, oldest first, page by page.

        The index lags: a ticket may have been closed already, and the newest may be missing.
        """
        start: dict[str, Any] = {}
        while True:
            answer = self._table.query(IndexName=INDEX, KeyConditionExpression=Key("open").eq("1"), **start)
            for item in answer["Items"]:
                yield str(item["inference_id"]), _seconds(item["created_at"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _update(self, ticket: Ticket, expression: str, values: Mapping[str, Any]) -> bool:
        try:
            self._table.update_item(
                Key={"inference_id": ticket.inference_id},
                UpdateExpression=expression,
                ConditionExpression=_SEEN,
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues={":open": "1", ":seen": ticket.generation, **values},
            )
        except ClientError as error:
            if is_condition(error):
                return False
            raise
        return True


def _decimal(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.3f}")


def _seconds(value: Any) -> float:  # noqa: ANN401 - boto3 gives a Decimal, which its types do not say
    return float(value)


def _ticket(item: Mapping[str, Any]) -> Ticket:
    invocation = None
    if "deadline" in item:
        invocation = Invocation(
            endpoint=item["endpoint"],
            output_uri=item["output_uri"],
            failure_uri=item["failure_uri"],
            sent_at=_seconds(item["sent_at"]),
            deadline=_seconds(item["deadline"]),
        )
    return Ticket(
        inference_id=item["inference_id"],
        stage=item["stage"],
        job_id=item["job_id"],
        attempt=int(item["attempt"]),
        label=item["label"],
        tokens=frozenset(item.get("task_tokens", ())),
        output_key=item["output_key"],
        error_key=item["error_key"],
        created_at=_seconds(item["created_at"]),
        dispatched_at=_seconds(item["dispatched_at"]),
        generation=int(item["generation"]),
        invocation=invocation,
    )
