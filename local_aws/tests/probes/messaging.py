"""Probes of the seams between services: queues, topics, events, notifications, event sources."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.sqs.models import Message, sqs_backends

from local_aws import LocalAws
from local_aws.account import ACCOUNT, REGION, arn
from local_aws.tests.messaging.delivering import create_function, create_queue, url
from local_aws.tests.patience import PATIENCE
from local_aws.tests.probes import probe
from local_aws.tests.probes.server import slow


def refuses(call: Callable[..., object], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError:
        return True
    return False


def bodies(aws: LocalAws, queue: str = "queue", wait: int = 0, **parameters: Any) -> list[str]:
    answer = aws.client("sqs").receive_message(QueueUrl=url(queue), WaitTimeSeconds=wait, **parameters)
    return [message["Body"] for message in answer.get("Messages", [])]


@probe("moto.awslambda.models:LambdaBackend.create_event_source_mapping")
def a_mapping_with_filters_is_refused(aws: LocalAws) -> bool:
    return refuses(aws.client("lambda").create_event_source_mapping, **mapping(aws), **FILTERS)


@probe("moto.awslambda.models:LambdaBackend.update_event_source_mapping")
def filters_of_a_mapping_are_refused(aws: LocalAws) -> bool:
    functions = aws.client("lambda")
    identity = functions.create_event_source_mapping(**mapping(aws))["UUID"]
    return refuses(functions.update_event_source_mapping, UUID=identity, **FILTERS)


FILTERS = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["x"]}'}]}}


def mapping(aws: LocalAws) -> dict[str, str]:
    create_queue(aws, "queue")
    return {"FunctionName": create_function(aws, "function"), "EventSourceArn": arn("sqs", "queue")}


@probe("moto.events.models:EventsBackend.put_events")
def nobody_speaks_for_aws(aws: LocalAws) -> bool:
    entry = {"Source": "aws.s3", "DetailType": "x", "Detail": "{}"}
    return aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 1


@probe("moto.events.models:EventsBackend.put_rule")
def a_match_that_nobody_knows_is_refused(aws: LocalAws) -> bool:
    return refuses(aws.client("events").put_rule, Name="r", EventPattern='{"source": [{"like": "x"}]}')


@probe("moto.events.models:EventsBackend.put_targets")
def a_target_that_gets_nothing_is_refused(aws: LocalAws) -> bool:
    events = aws.client("events")
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    return refuses(events.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": arn("kinesis", "stream/x")}])


@probe("moto.events.models:Rule.send_to_targets")
def a_disabled_rule_tells_nobody(aws: LocalAws) -> bool:
    events = aws.client("events")
    create_queue(aws, "queue")
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}', State="DISABLED")
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn("sqs", "queue")}])
    events.put_events(Entries=[{"Source": "x", "DetailType": "x", "Detail": "{}"}])
    return bodies(aws) == []


@probe("moto.events.responses:EventsHandler.test_event_pattern")
def a_pattern_is_tested(aws: LocalAws) -> bool:
    names = ("id", "account", "source", "time", "region", "detail-type")
    event = json.dumps({**dict.fromkeys(names, "x"), "resources": []})
    answer = aws.client("events").test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)
    return answer.get("Result") is True


@probe("moto.s3.models:FakeBucket.set_notification_configuration")
def a_notification_past_eventbridge_is_refused(aws: LocalAws) -> bool:
    create_queue(aws, "queue")
    aws.client("s3").create_bucket(Bucket="bucket")
    queue = {"QueueArn": arn("sqs", "queue"), "Events": ["s3:ObjectCreated:*"]}
    return refuses(
        aws.client("s3").put_bucket_notification_configuration,
        Bucket="bucket",
        NotificationConfiguration={"QueueConfigurations": [queue]},
    )


@probe("moto.s3.notifications:send_event")
def a_multipart_upload_is_announced_once(aws: LocalAws) -> bool:
    s3, events, thing = aws.client("s3"), aws.client("events"), {"Bucket": "bucket", "Key": "key"}
    create_queue(aws, "queue")
    events.put_rule(Name="r", EventPattern='{"source": ["aws.s3"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn("sqs", "queue")}])
    s3.create_bucket(Bucket="bucket")
    bridge = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration=bridge)
    thing["UploadId"] = s3.create_multipart_upload(**thing)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(**thing, PartNumber=1, Body=b"x")["ETag"]}
    s3.complete_multipart_upload(**thing, MultipartUpload={"Parts": [part]})
    found = [json.loads(body)["detail"].get("reason") for body in bodies(aws, MaxNumberOfMessages=10)]
    return found == ["CompleteMultipartUpload"]


@probe("moto.s3.models:FakeKey")
def a_version_follows_from_the_upload(aws: LocalAws) -> bool:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    answer = s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    digest = hashlib.sha256(f"bucket key {answer['ETag']} 1".encode()).digest()
    return answer["VersionId"] == str(uuid.UUID(bytes=digest[:16], version=4))


@probe("moto.sns.models:SNSBackend.publish")
def a_message_to_a_phone_is_refused(aws: LocalAws) -> bool:
    return refuses(aws.client("sns").publish, PhoneNumber="+15555550100", Message="x")


@probe("moto.sns.models:SNSBackend.subscribe")
def an_address_that_gets_nothing_is_refused(aws: LocalAws) -> bool:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    return refuses(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.org")


@probe("moto.sns.models:Subscription.publish")
def a_publisher_never_hears_of_a_queue_that_is_gone(aws: LocalAws) -> bool:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "gone"))
    return not refuses(sns.publish, TopicArn=topic, Message="x")


@probe("moto.sqs.models:Queue.add_message")
def a_duplicate_of_a_deleted_message_is_dropped(aws: LocalAws) -> bool:
    sqs = aws.client("sqs")
    create_queue(aws, "queue.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    message = {"QueueUrl": url("queue.fifo"), "MessageBody": "x", "MessageGroupId": "g"}
    sqs.send_message(**message)
    [received] = sqs.receive_message(QueueUrl=url("queue.fifo"))["Messages"]
    sqs.delete_message(QueueUrl=url("queue.fifo"), ReceiptHandle=received["ReceiptHandle"])
    sqs.send_message(**message)
    return bodies(aws, "queue.fifo") == []


@probe("moto.sqs.models:Queue.delete_message")
def what_two_receivers_delete_at_once_is_gone(aws: LocalAws) -> bool:
    sqs, handles = aws.client("sqs"), [receive(aws)["ReceiptHandle"] for _ in range(2)]
    compared = slow(Message.had_receipt_handle)
    with patch.object(Message, "had_receipt_handle", compared), ThreadPoolExecutor(2) as pool:
        list(
            pool.map(lambda handle: sqs.delete_message(QueueUrl=url("queue"), ReceiptHandle=handle), handles)
        )
    name = "ApproximateNumberOfMessagesNotVisible"
    answer = sqs.get_queue_attributes(QueueUrl=url("queue"), AttributeNames=[name])
    return answer["Attributes"][name] == "0"


def receive(aws: LocalAws, **parameters: Any) -> dict[str, Any]:
    sqs = aws.client("sqs")
    create_queue(aws, "queue")
    sqs.send_message(QueueUrl=url("queue"), MessageBody="x")
    [received] = sqs.receive_message(QueueUrl=url("queue"), **parameters)["Messages"]
    return dict(received)


@probe("moto.sqs.models:SQSBackend.change_message_visibility")
def a_long_poll_sees_what_becomes_visible(aws: LocalAws) -> bool:
    received, waiting = receive(aws), threading.Event()
    condition = sqs_backends[ACCOUNT][REGION].queues["queue"]._messages_lock
    wait = condition.wait

    def noted(timeout: float | None = None) -> bool:
        waiting.set()
        return wait(timeout)

    with patch.object(condition, "wait", noted):
        polled = ThreadPoolExecutor(1).submit(bodies, aws, wait=20)
        assert waiting.wait(PATIENCE)
    aws.client("sqs").change_message_visibility(
        QueueUrl=url("queue"), ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=0
    )
    try:
        return polled.result(timeout=4) == ["x"]
    except TimeoutError:  # moto's receiver is not woken; the end of the local AWS ends its poll
        return False


@probe("moto.sqs.models:SQSBackend.receive_message")
def a_message_is_received_by_one(aws: LocalAws) -> bool:
    create_queue(aws, "queue")
    aws.client("sqs").send_message(QueueUrl=url("queue"), MessageBody="x")
    mark = Message.mark_received

    def late(message: Message, **parameters: Any) -> None:
        time.sleep(0.05)
        mark(message, **parameters)

    with patch.object(Message, "mark_received", late), ThreadPoolExecutor(4) as pool:
        return sum(map(len, pool.map(lambda _: bodies(aws), range(4)))) == 1


DEAD = {"SourceArn": arn("sqs", "dead")}


def dead_letter(aws: LocalAws) -> Any:
    create_queue(aws, "dead")
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "dead"), "maxReceiveCount": 1})
    create_queue(aws, "queue", RedrivePolicy=redrive)
    aws.client("sqs").send_message(QueueUrl=url("dead"), MessageBody="x")
    aws.client("sqs").send_message(QueueUrl=url("dead"), MessageBody="y")
    return aws.client("sqs")


@probe("moto.sqs.responses:SQSResponse.start_message_move_task")
def a_dead_letter_queue_is_redriven(aws: LocalAws) -> bool:
    sqs = dead_letter(aws)
    if refuses(sqs.start_message_move_task, **DEAD, DestinationArn=arn("sqs", "queue")):
        return False
    return bodies(aws, wait=20) == ["x"]


@probe("moto.sqs.responses:SQSResponse.list_message_move_tasks")
def move_tasks_are_listed(aws: LocalAws) -> bool:
    return not refuses(dead_letter(aws).list_message_move_tasks, **DEAD)


@probe("moto.sqs.responses:SQSResponse.cancel_message_move_task")
def only_a_running_task_is_cancelled(aws: LocalAws) -> bool:
    try:
        aws.client("sqs").cancel_message_move_task(TaskHandle="done")
    except ClientError as error:
        return error.response["Error"]["Code"] == "ResourceNotFoundException"
    return False
