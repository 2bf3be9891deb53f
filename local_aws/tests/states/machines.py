"""State machines made, run and waited for through the API, and small ones to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from local_aws.server import AwsServer
from local_aws.tests.patience import until

ROLE: Final = "arn:aws:iam::123456789012:role/states"
QUEUE: Final = "tokens"
PASS: Final = {"Pass": {"Type": "Pass", "End": True}}
WAIT: Final = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}


class Machines:
    """What a test does with Step Functions."""

    def __init__(self, server: AwsServer) -> None:
        self.api = server.client("stepfunctions")
        self._sqs = server.client("sqs")
        self.queue_url = self._sqs.create_queue(QueueName=QUEUE)["QueueUrl"]

    def make(self, states: Mapping[str, Any], **members: Any) -> str:
        """A state machine that starts with the first of the states; its ARN."""
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **members})
        made = self.api.create_state_machine(name=uuid4().hex, definition=definition, roleArn=ROLE)
        return str(made["stateMachineArn"])

    def start(self, machine: str, name: str | None = None, **given: Any) -> str:
        """The ARN of an execution."""
        started = self.api.start_execution(
            stateMachineArn=machine, name=name or uuid4().hex, input=json.dumps(given)
        )
        return str(started["executionArn"])

    def wait(self, execution: str) -> dict[str, Any]:
        """How an execution has ended."""
        until(lambda: self.describe(execution)["status"] != "RUNNING")
        return self.describe(execution)

    def run(self, states: Mapping[str, Any], **given: Any) -> dict[str, Any]:
        """Make a machine, start it and wait for its end."""
        return self.wait(self.start(self.make(states), **given))

    def describe(self, execution: str) -> dict[str, Any]:
        """An execution as it is now."""
        described: dict[str, Any] = self.api.describe_execution(executionArn=execution)
        return described

    def events(self, execution: str, **options: Any) -> list[str]:
        """The types of the events of its history."""
        pages = self.api.get_paginator("get_execution_history").paginate(executionArn=execution, **options)
        return [event["type"] for page in pages for event in page["events"]]

    def callback(self, **changes: Any) -> str:
        """An execution of one state that sends its token to a queue and waits."""
        return self.start(self.make({"Callback": callback(self.queue_url, **changes)}))

    def token(self) -> str:
        """The next token in the queue."""
        received: list[str] = []

        def some() -> bool:
            answer = self._sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                received.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
            return bool(received)

        until(some)
        return received[0]


def callback(queue_url: str, **changes: Any) -> dict[str, Any]:
    """The state of `Machines.callback`."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue_url, "MessageBody.$": "$$.Task.Token"},
        "TimeoutSeconds": 60,
        "End": True,
        **changes,
    }


def distributed(**changes: Any) -> dict[str, Any]:
    """A distributed map over `$.items` that gives each back, and fails on 0."""
    checked = {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.item", "NumericEquals": 0, "Next": "Fail"}],
            "Default": "Pass",
        },
        "Fail": {"Type": "Fail", "Error": "Unlucky"},
        "Pass": {"Type": "Succeed", "OutputPath": "$.item"},
    }
    mode = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"item.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"StartAt": "Check", "States": checked, **mode},
        "End": True,
        **changes,
    }
    return {"Map": state}


def refused(call: Any, **arguments: Any) -> str:
    """The code of the error that a call is answered with."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return str(refusal.value.response["Error"]["Code"])
