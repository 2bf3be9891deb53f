"""Batches of a queue for a function, over real HTTP with boto3: what succeeded goes, the rest comes back."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest

from local_aws.server import AwsServer
from local_aws.tests.messaging.delivering import (
    CONCURRENCY,
    MAX_RECEIVES,
    Answer,
    Functions,
    delivering,
    settle,
    upload,
    url,
)
from local_aws.tests.patience import PATIENCE


def test_a_failing_record_ends_in_the_dead_letter_queue_and_its_batch_mates_do_not(aws: AwsServer) -> None:
    def answer(_name: str, event: dict[str, Any]) -> Answer:
        bad = [r["messageId"] for r in event["Records"] if r["body"] == '"poison"']
        return Answer(json.dumps({"batchItemFailures": [{"itemIdentifier": name} for name in bad]}).encode())

    functions, sqs = Functions(answer), aws.client("sqs")
    jobs, dead = url("jobs"), url("jobs-dead")
    entries = [{"Id": str(n), "MessageBody": json.dumps(f"good {n}")} for n in range(5)]
    sent = [*entries, {"Id": "p", "MessageBody": '"poison"'}]
    with delivering(functions, redelivery_seconds=0):
        sqs.send_message_batch(QueueUrl=jobs, Entries=sent)
        [given_up] = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=15)["Messages"]
    assert given_up["Body"] == '"poison"'
    counted = Counter(str(body) for body in functions.bodies("intake"))
    assert counted == {**{f"good {n}": 1 for n in range(5)}, "poison": MAX_RECEIVES}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b'{"errorMessage": "boom"}', error="Unhandled"),
        Answer(b'{"batchItemFailures": [{"itemIdentifier": "of no message"}]}'),
        Answer(b'{"batchItemFailures": [{"itemIdentifier": ""}]}'),
        Answer(b"no JSON"),
    ],
)
def test_a_function_that_fails_or_answers_nonsense_gets_the_whole_batch_again(
    aws: AwsServer, answer: Answer
) -> None:
    answers = iter([answer])
    functions = Functions(lambda _name, _event: next(answers, Answer()))
    with delivering(functions, redelivery_seconds=0):
        upload(aws, "inbox/again.pdf")
        functions.wait_for_bodies("intake", 2)
        settle(0.2)
    keys = [event["detail"]["object"]["key"] for event in functions.bodies("intake")]
    assert keys == ["inbox/again.pdf"] * 2


def test_batches_of_a_queue_run_side_by_side_up_to_the_concurrency(aws: AwsServer) -> None:
    together = CONCURRENCY
    barrier = threading.Barrier(together)

    def answer(_name: str, _event: dict[str, Any]) -> Answer:
        barrier.wait(PATIENCE)  # broken, were they not together
        return Answer()

    functions = Functions(answer)
    with delivering(functions):
        for number in range(together):
            upload(aws, f"inbox/{number}")
            functions.wait_until(lambda wanted=number + 1: len(functions.calls) == wanted)  # type: ignore[misc]
        settle(0.1)
    assert not barrier.broken


def test_a_function_whose_mapping_is_disabled_gets_its_messages_when_it_is_enabled_again(
    aws: AwsServer,
) -> None:
    functions, lambdas = Functions(), aws.client("lambda")
    mappings = lambdas.list_event_source_mappings(FunctionName="intake")["EventSourceMappings"]
    identity = mappings[0]["UUID"]
    lambdas.update_event_source_mapping(UUID=identity, Enabled=False)
    with delivering(functions):
        upload(aws, "inbox/waits.pdf")
        settle()
        assert functions.calls == []
        lambdas.update_event_source_mapping(UUID=identity, Enabled=True)
        functions.wait_for_bodies("intake", 1)
