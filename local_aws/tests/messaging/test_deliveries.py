"""What moves between the services by itself, over real HTTP with boto3: the functions alone are stubs."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from moto.events.models import Rule
from moto.sqs.models import Queue

from local_aws.account import ACCOUNT, arn
from local_aws.messaging.faults import ChannelFaults, FaultPlan
from local_aws.server import AwsServer
from local_aws.tests.messaging.delivering import (
    INBOX,
    OTHER_BUCKET,
    Functions,
    delivering,
    messages,
    settle,
    upload,
    url,
)

LONGEST_POLL: Final = 20
"""Seconds; SQS allows no longer wait for a message."""


@pytest.fixture(autouse=True)
def topics(aws: AwsServer) -> None:
    for topic in ("success", "error"):
        made = aws.client("sns").create_topic(Name=topic)["TopicArn"]
        aws.client("sns").subscribe(TopicArn=made, Protocol="sqs", Endpoint=arn("sqs", "notices"))


def test_an_upload_reaches_the_function_once_as_aws_words_it(aws: AwsServer) -> None:
    functions = Functions()
    with delivering(functions):
        put = upload(aws, "inbox/Año 2/50%2e+x.pdf")
        [event] = functions.wait_for_bodies("intake", 1)
        settle()
    assert len(functions.calls) == 1
    [record] = functions.calls[0][1]["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == arn("sqs", "jobs")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["account"] == ACCOUNT
    assert event["detail"]["reason"] == "PutObject"
    thing = event["detail"]["object"]
    assert thing["key"] == "inbox/Año 2/50%2e+x.pdf"
    assert (thing["size"], thing["etag"]) == (10, put["ETag"].strip('"'))
    assert thing["version-id"] == put["VersionId"]
    assert messages(aws, "jobs", 0) == []


@pytest.mark.parametrize(
    "name",
    ["../../work/x.pdf", "%2e%2e/x.pdf", "a\r\nb.pdf", "\u202efdp.x", "a//b/./c", "+ &?#=.pdf", "é" * 509],
)
def test_a_key_arrives_byte_for_byte(aws: AwsServer, name: str) -> None:
    functions = Functions()
    with delivering(functions):
        upload(aws, f"inbox/{name}")
        [event] = functions.wait_for_bodies("intake", 1)
    assert event["detail"]["object"]["key"] == f"inbox/{name}"
    assert aws.client("s3").get_object(Bucket=INBOX, Key=f"inbox/{name}")["Body"].read() == b"a document"


def test_later_objects_have_later_sequencers(aws: AwsServer) -> None:
    functions = Functions()
    with delivering(functions):
        for number in range(5):
            upload(aws, f"inbox/{number}")
        events = functions.wait_for_bodies("intake", 5)
    found = {event["detail"]["object"]["key"]: event["detail"]["object"]["sequencer"] for event in events}
    assert [found[f"inbox/{number}"] for number in range(5)] == sorted(found.values())


def test_a_multipart_upload_and_a_copy_are_one_event_each(aws: AwsServer) -> None:
    functions, s3 = Functions(), aws.client("s3")
    with delivering(functions):
        key = {"Bucket": INBOX, "Key": "inbox/large.tiff"}
        started = s3.create_multipart_upload(**key)
        part = s3.upload_part(**key, UploadId=started["UploadId"], PartNumber=1, Body=b"x" * 5_300_000)
        s3.complete_multipart_upload(
            **key,
            UploadId=started["UploadId"],
            MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
        )
        s3.copy_object(Bucket=INBOX, Key="inbox/copy.tiff", CopySource=f"{INBOX}/inbox/large.tiff")
        functions.wait_for_bodies("intake", 2)
        settle()
    found = [
        (event["detail"]["object"]["key"], event["detail"]["reason"]) for event in functions.bodies("intake")
    ]
    assert sorted(found) == [
        ("inbox/copy.tiff", "CopyObject"),
        ("inbox/large.tiff", "CompleteMultipartUpload"),
    ]


def test_only_what_the_rules_ask_for_is_found(aws: AwsServer) -> None:
    functions = Functions()
    with delivering(functions):
        upload(aws, "submitted/starts-nothing.pdf")
        aws.client("s3").put_object(Bucket=OTHER_BUCKET, Key="inbox/x", Body=b"no events here")
        aws.client("events").disable_rule(Name="submissions", EventBusName="documents")
        submit(aws, "while disabled")
        aws.client("events").enable_rule(Name="submissions", EventBusName="documents")
        submit(aws, "while enabled")
        functions.wait_for_bodies("intake", 1)
        settle()
    [event] = functions.bodies("intake")
    assert event["detail"] == {"name": "while enabled"}


def submit(aws: AwsServer, name: str) -> None:
    entry = {
        "Source": "a.producer",
        "DetailType": "Submitted",
        "Detail": json.dumps({"name": name}),
        "EventBusName": "documents",
    }
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_notification_reaches_the_queue_of_its_topic_in_the_envelope_of_sns(aws: AwsServer) -> None:
    functions = Functions()
    with delivering(functions):
        publish(aws, "success", "done")
        publish(aws, "error", "failed")
        found = functions.wait_for_bodies("resume", 2)
    assert {(body["Type"], json.loads(body["Message"])["inferenceId"]) for body in found} == {
        ("Notification", "done"),
        ("Notification", "failed"),
    }


def publish(aws: AwsServer, topic: str, name: str) -> None:
    message = json.dumps({"inferenceId": name, "eventTime": time.time()})
    aws.client("sns").publish(TopicArn=arn("sns", topic), Message=message)


def test_lost_notifications_are_lost_and_found_of(aws: AwsServer) -> None:
    functions, plan = Functions(), FaultPlan(seed=1, sns=ChannelFaults(drop=1.0))
    with delivering(functions, faults=plan):
        publish(aws, "success", "x")
        settle()
        assert functions.calls == []
        found = plan.summary()
    assert (found["sns"]["messages"], found["sns"]["dropped"], found["sns"]["deliveries"]) == (1, 1, 0)


def test_duplicates_of_a_seed_replay_in_the_next_run(aws: AwsServer) -> None:
    faults = ChannelFaults(duplicate=0.8, copies=5, delay_seconds=(0.0, 0.2))

    def run(seed: int) -> Counter[str]:
        functions, plan = Functions(), FaultPlan(seed=seed, events=faults, sqs=faults)
        with delivering(functions, faults=plan):
            threads = [threading.Thread(target=upload, args=(aws, f"inbox/{n}")) for n in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            def all_came() -> bool:
                events, sqs = plan.summary()["events"], plan.summary().get("sqs", {"messages": 0})
                sent = events["deliveries"] == sqs["messages"]
                return sent and len(functions.bodies("intake")) == sqs["deliveries"]

            functions.wait_until(all_came)
        return Counter(event["detail"]["object"]["key"] for event in functions.bodies("intake"))

    first = run(7)
    assert set(first) == {f"inbox/{n}" for n in range(12)}
    assert max(first.values()) > 5  # duplicated on both ways
    assert first == run(7)
    assert first != run(8)


def test_a_schedule_fires_its_function(aws: AwsServer) -> None:
    functions = Functions()
    with delivering(functions, minute_seconds=0.2):
        functions.wait_until(lambda: len(functions.calls) >= 2)
    name, event = functions.calls[0]
    assert name == "sweep"
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["resources"] == [arn("events", "rule/sweep")]


def test_input_of_a_target_is_honoured(aws: AwsServer) -> None:
    functions, events = Functions(), aws.client("events")
    events.put_rule(Name="inputs", EventPattern='{"source": ["me"]}')
    target = {"Id": "fixed", "Arn": arn("sqs", "notices"), "Input": '{"fixed": true}'}
    with delivering(functions):
        events.put_targets(Rule="inputs", Targets=[target])
        events.put_events(Entries=[{"Source": "me", "DetailType": "x", "Detail": "{}"}])
        assert functions.wait_for_bodies("resume", 1) == [{"fixed": True}]


def test_an_event_whose_target_is_gone_goes_to_the_dead_letter_queue_of_the_target(aws: AwsServer) -> None:
    events, dead = aws.client("events"), "notices-dead"
    events.put_rule(Name="gone", EventPattern='{"source": ["gone"]}')
    target = {"Id": "t", "Arn": arn("sqs", "gone"), "DeadLetterConfig": {"Arn": arn("sqs", dead)}}
    with delivering(Functions()):
        events.put_targets(Rule="gone", Targets=[target])
        events.put_events(Entries=[{"Source": "gone", "DetailType": "x", "Detail": '{"kept": true}'}])
        [kept] = messages(aws, dead)
    assert json.loads(kept["Body"])["detail"] == {"kept": True}


@pytest.mark.parametrize(
    "found",
    [
        {"Arn": "arn:aws:kinesis:us-east-1:123456789012:stream/x"},
        {"Arn": "arn:of:nothing"},
        {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "InputPath": "$.detail"},
        {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "InputTransformer": {"InputTemplate": '"x"'}},
    ],
)
def test_what_is_not_delivered_here_is_refused_where_it_is_made(
    aws: AwsServer, found: dict[str, Any]
) -> None:
    events = aws.client("events")
    with delivering(Functions()):
        with pytest.raises(ClientError, match="local AWS"):
            events.put_targets(Rule="uploads", Targets=[{"Id": "t", **found}])
        with pytest.raises(ClientError, match="local AWS"):
            events.put_rule(Name="at-noon", ScheduleExpression="cron(0 12 * * ? *)")


def test_put_events_has_the_limits_of_aws(aws: AwsServer) -> None:
    entry = {"Source": "a", "DetailType": "b", "Detail": "{}"}
    large = {**entry, "Detail": json.dumps({"x": "y" * 600_000})}
    with delivering(Functions()):
        for entries in ([entry] * 11, [large, large]):
            with pytest.raises(ClientError, match="ValidationException"):
                aws.client("events").put_events(Entries=entries)


def test_nobody_speaks_for_aws(aws: AwsServer) -> None:
    functions, forged = Functions(), object_created_by_hand()
    entries = [forged, {**forged, "Source": "a.producer"}]
    with delivering(functions):
        found = aws.client("events").put_events(Entries=entries)
        settle()
    assert found["FailedEntryCount"] == 1
    assert [entry.get("ErrorCode") for entry in found["Entries"]] == ["NotAuthorizedForSourceException", None]
    assert functions.calls == []


def object_created_by_hand() -> dict[str, str]:
    detail = {"bucket": {"name": INBOX}, "object": {"key": "inbox/x"}}
    return {"Source": "aws.s3", "DetailType": "Object Created", "Detail": json.dumps(detail)}


def test_stopping_ends_long_polls_and_gives_moto_back_its_parts(aws: AwsServer) -> None:
    before = (Rule.send_to_targets, Queue.add_message)
    with delivering(Functions()):
        assert (Rule.send_to_targets, Queue.add_message) != before
        sqs, dead = aws.client("sqs"), url("jobs-dead")
        answered = threading.Event()

        def poll() -> None:
            sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=LONGEST_POLL)
            answered.set()

        threading.Thread(target=poll, daemon=True).start()
        settle(0.2)
    assert answered.wait(LONGEST_POLL - 1), "it was not left to end by itself"
    assert (Rule.send_to_targets, Queue.add_message) == before
