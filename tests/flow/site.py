"""What tests see of a local cloud: its inbox, its executions, its events and its dead letters."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import httpx

from hybrid_ocr.clients import AsyncClient, connect
from tests.patience import PATIENCE

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What a look finds as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing was found within {seconds:g} s")


@dataclass(frozen=True)
class Event:
    source: str
    kind: str
    detail: dict[str, Any]


class Listener:
    """Hears the events of the bus that match a pattern, from a queue of its own."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self.events: list[Event] = []

    def hear(self) -> list[Event]:
        """Everything heard so far."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", ()):
            told = json.loads(message["Body"])
            self.events.append(Event(told["source"], told["detail-type"], told["detail"]))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.events

    def of(self, job: str) -> list[Event]:
        """The events about one job."""
        return [event for event in self.hear() if event.detail.get("job_id") == job]


class Site:
    """A local cloud, seen from outside."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.connection = connect(endpoint_url=endpoint_url)
        self.names = self.connection.names
        self.client = AsyncClient(connection=self.connection)

    def local(self, page: str) -> dict[str, Any]:
        """What the local cloud tells about itself."""
        answer: dict[str, Any] = httpx.get(
            f"{self.endpoint_url}/_local/{page}", timeout=PATIENCE, trust_env=False
        ).json()
        return answer

    def sweep(self) -> None:
        """Start one run of the sweep function, as its schedule does each minute."""
        self.functions.invoke(
            FunctionName=self.names.function("sweep"), InvocationType="Event", Payload=b"{}"
        )

    @cached_property
    def functions(self) -> Any:
        return self.connection.client("lambda")

    @cached_property
    def s3(self) -> Any:
        return self.connection.client("s3")

    @cached_property
    def sqs(self) -> Any:
        return self.connection.client("sqs")

    @cached_property
    def bus(self) -> Any:
        return self.connection.client("events")

    @cached_property
    def flow(self) -> Any:
        return self.connection.client("stepfunctions")

    @property
    def inbox(self) -> str:
        return self.names.bucket("inbox")

    def upload(self, key: str, body: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = self.s3.put_object(Bucket=self.inbox, Key=key, Body=body)
        return answer

    def publish(self, detail: object, source: str = "shop", bus: str = "documents") -> None:
        entry = {
            "Source": source,
            "DetailType": "DocumentSubmitted",
            "Detail": json.dumps(detail),
            "EventBusName": self.names.bus(bus),
        }
        assert self.bus.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution of the flow."""
        return self.names.arn("states", f"execution:{self.names.state_machine('documents')}:{name}")

    def executions(self, status: str = "") -> list[str]:
        """The names of all executions, or of those in a status."""
        machine = self.names.arn("states", f"stateMachine:{self.names.state_machine('documents')}")
        only = {"statusFilter": status} if status else {}
        pages = self.flow.get_paginator("list_executions").paginate(stateMachineArn=machine, **only)
        return [execution["name"] for page in pages for execution in page["executions"]]

    def finished(self) -> dict[str, str]:
        """The executions that are done, each with how it ended."""
        machine = self.names.arn("states", f"stateMachine:{self.names.state_machine('documents')}")
        pages = self.flow.get_paginator("list_executions").paginate(stateMachineArn=machine)
        executions = [execution for page in pages for execution in page["executions"]]
        return {told["name"]: told["status"] for told in executions if told["status"] != "RUNNING"}

    def history(self, job: str) -> list[dict[str, Any]]:
        """The history of a job's first execution."""
        arn = self.execution_arn(f"{job}-1")
        pages = self.flow.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def slots(self) -> set[str]:
        """The executions that hold a slot."""
        key = {"job_id": {"S": "slots"}}
        answer = self.dynamodb.get_item(TableName=self.names.table("jobs"), Key=key, ConsistentRead=True)
        return set(answer.get("Item", {}).get("holders", {}).get("SS", ()))

    def open_tickets(self) -> int:
        """How many invocations are waited for."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.names.table("tickets"),
            FilterExpression="attribute_exists(#open)",
            ExpressionAttributeNames={"#open": "open"},
            Select="COUNT",
        )
        return sum(page["Count"] for page in pages)

    def tickets(self) -> int:
        """How many invocations were ever waited for."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.names.table("tickets"), Select="COUNT"
        )
        return sum(page["Count"] for page in pages)

    @cached_property
    def dynamodb(self) -> Any:
        return self.connection.client("dynamodb")

    def waiting(self) -> int:
        """Tickets whose answer is there, and nobody has told."""
        return 0 if any(self.local("backlog").values()) else self.open_tickets()

    def backlog(self, endpoint: str) -> int:
        """Requests that an asynchronous endpoint has and has not answered."""
        return int(self.local("backlog")[endpoint])

    def endpoint_status(self, endpoint: str) -> str:
        """As DescribeEndpoint says it."""
        answer = self.connection.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        return str(answer["EndpointStatus"])

    def dead_letters(self) -> Iterator[dict[str, Any]]:
        """Dead letters of the jobs, taken from their queue."""
        url = self.names.queue_url(self.names.dead_letter_queue("jobs"))
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield message

    @contextmanager
    def listening(self, pattern: dict[str, Any]) -> Iterator[Listener]:
        """Hear the outgoing events that match a pattern, as a consumer's rule and queue would."""
        name = f"listener-{uuid.uuid4().hex[:8]}"
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.names.arn("sqs", name)
        where = {"EventBusName": self.names.bus("documents")}
        self.bus.put_rule(Name=name, EventPattern=json.dumps(pattern), **where)
        self.bus.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}], **where)
        try:
            yield Listener(self.sqs, url)
        finally:
            self.bus.remove_targets(Rule=name, Ids=["queue"], **where)
            self.bus.delete_rule(Name=name, **where)
            self.sqs.delete_queue(QueueUrl=url)
