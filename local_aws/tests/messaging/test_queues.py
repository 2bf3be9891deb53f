"""SQS: FIFO queues under many threads, and message move tasks."""

from __future__ import annotations

import json
import threading
from collections import defaultdict

import pytest
from botocore.exceptions import ClientError

from local_aws.account import arn
from local_aws.tests.messaging.delivering import (
    Functions,
    create_function,
    create_queue,
    delivering,
    messages,
    url,
)
from local_aws.tests.patience import until

FIFO = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


def send(aws, queue, *bodies, **parameters):
    for body in bodies:
        aws.client("sqs").send_message(QueueUrl=url(queue), MessageBody=body, **parameters)


def test_a_duplicate_is_dropped_for_five_minutes_even_of_what_is_deleted(aws):
    create_queue(aws, "once.fifo", **FIFO)
    with delivering():
        send(aws, "once.fifo", "a", MessageGroupId="g")
        [first] = messages(aws, "once.fifo")
        send(aws, "once.fifo", "a", "b", MessageGroupId="g")
        [second] = messages(aws, "once.fifo")
    assert (first["Body"], second["Body"]) == ("a", "b")
    assert int(first["Attributes"]["SequenceNumber"]) < int(second["Attributes"]["SequenceNumber"])


def test_of_equal_messages_from_many_threads_one_arrives(aws):
    create_queue(aws, "race.fifo", **FIFO)
    together = threading.Barrier(8)

    def race():
        together.wait()
        send(aws, "race.fifo", "the same", MessageGroupId="g")

    with delivering():
        threads = [threading.Thread(target=race) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(messages(aws, "race.fifo")) == 1


def test_groups_are_processed_in_order_by_a_function_that_runs_several_times_at_once(aws):
    create_queue(aws, "groups.fifo", **FIFO)
    create_function(aws, "orderly")
    aws.client("lambda").create_event_source_mapping(
        FunctionName="orderly", EventSourceArn=arn("sqs", "groups.fifo"), BatchSize=2
    )
    functions = Functions()
    with delivering(functions):
        for number in range(8):
            for group in "abc":
                send(aws, "groups.fifo", json.dumps([group, number]), MessageGroupId=group)
        functions.wait_for_bodies("orderly", 24)
    orders = defaultdict(list)
    for group, number in functions.bodies("orderly"):
        orders[group].append(number)
    assert orders == {group: list(range(8)) for group in "abc"}
    attributes = functions.calls[0][1]["Records"][0]["attributes"]
    assert attributes["MessageGroupId"] == "a"
    assert attributes["SequenceNumber"]


def give_up(aws, *bodies):
    """Put messages into a queue and have them given up to its dead-letter queue."""
    create_queue(aws, "work-dead")
    redrive = {"deadLetterTargetArn": arn("sqs", "work-dead"), "maxReceiveCount": 1}
    create_queue(aws, "work", RedrivePolicy=json.dumps(redrive), VisibilityTimeout="0")
    sqs = aws.client("sqs")
    send(aws, "work", *bodies)
    received = 0
    while received < len(bodies):
        received += len(sqs.receive_message(QueueUrl=url("work"), VisibilityTimeout=0).get("Messages", []))
    until(lambda: not sqs.receive_message(QueueUrl=url("work")).get("Messages"))


def tasks(aws, most=1):
    source = arn("sqs", "work-dead")
    return aws.client("sqs").list_message_move_tasks(SourceArn=source, MaxResults=most)["Results"]


def latest(aws):
    [task] = tasks(aws)
    return task


def test_a_dead_letter_queue_is_redriven_to_where_its_messages_came_from(aws):
    sqs = aws.client("sqs")
    with delivering():
        give_up(aws, "a", "b")
        handle = sqs.start_message_move_task(SourceArn=arn("sqs", "work-dead"))["TaskHandle"]
        task = latest(aws)
        found = messages(aws, "work", 2)
        with pytest.raises(ClientError, match="ResourceNotFound"):
            sqs.cancel_message_move_task(TaskHandle=handle)
    assert sorted(message["Body"] for message in found) == ["a", "b"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found} == {"1"}
    assert task["Status"] == "COMPLETED"
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (2, 2)


def test_messages_go_to_a_queue_of_choice(aws):
    create_queue(aws, "elsewhere")
    queues = {"SourceArn": arn("sqs", "work-dead"), "DestinationArn": arn("sqs", "elsewhere")}
    with delivering():
        give_up(aws, "c")
        for _ in range(2):
            aws.client("sqs").start_message_move_task(**queues)
        assert [message["Body"] for message in messages(aws, "elsewhere")] == ["c"]
        found = tasks(aws, 10)
    assert {task["DestinationArn"] for task in found} == {queues["DestinationArn"]}
    assert [task["ApproximateNumberOfMessagesMoved"] for task in found] == [0, 1]


def test_a_move_at_a_rate_is_refused(aws):
    with delivering(), pytest.raises(ClientError, match=r"StartMessageMoveTask with MaxNumberOfMessages"):
        aws.client("sqs").start_message_move_task(
            SourceArn=arn("sqs", "work-dead"), MaxNumberOfMessagesPerSecond=1
        )


def test_a_message_of_no_known_origin_fails_the_task_and_stays(aws):
    with delivering():
        give_up(aws)
        send(aws, "work-dead", "sent here")
        aws.client("sqs").start_message_move_task(SourceArn=arn("sqs", "work-dead"))
        assert latest(aws)["Status"] == "FAILED"
        assert latest(aws)["FailureReason"] == "CouldNotDetermineMessageSource"
        assert [message["Body"] for message in messages(aws, "work-dead")] == ["sent here"]


def test_only_dead_letter_queues_are_redriven(aws):
    create_queue(aws, "ordinary")
    with delivering():
        with pytest.raises(ClientError, match="Dead Letter Queue"):
            aws.client("sqs").start_message_move_task(SourceArn=arn("sqs", "ordinary"))
        with pytest.raises(ClientError, match="ResourceNotFound"):
            aws.client("sqs").start_message_move_task(SourceArn=arn("sqs", "no-such"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FilterCriteria", {"Filters": [{"Pattern": '{"body": ["x"]}'}]}),
        ("MaximumBatchingWindowInSeconds", 5),
        ("ProvisionedPollerConfig", {"MaximumPollers": 5}),
    ],
)
def test_what_a_poller_does_not_do_is_refused(aws, name, value):
    with delivering(), pytest.raises(ClientError, match=f"with {name}"):
        aws.client("lambda").create_event_source_mapping(
            FunctionName="sweep", EventSourceArn=arn("sqs", "jobs"), **{name: value}
        )
