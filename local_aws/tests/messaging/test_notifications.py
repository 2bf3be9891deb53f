"""S3's notifications to queues and topics, and its other events on EventBridge."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local_aws.account import arn
from local_aws.tests.messaging.delivering import create_queue, delivering, messages


@pytest.fixture(scope="module", autouse=True)
def queue(aws):
    create_queue(aws, "uploads")
    create_queue(aws, "topic-uploads")


def configure(aws, bucket, **configuration):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    return s3


def test_a_queue_and_a_topic_are_notified_of_an_upload_once(aws):
    sns = aws.client("sns")
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    with delivering():
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "topic-uploads"))
        created = ["s3:ObjectCreated:*"]
        rule = {"Name": "prefix", "Value": "in/"}
        s3 = configure(
            aws,
            "notified",
            QueueConfigurations=[
                {
                    "QueueArn": arn("sqs", "uploads"),
                    "Events": created,
                    "Filter": {"Key": {"FilterRules": [rule]}},
                }
            ],
            TopicConfigurations=[{"TopicArn": topic, "Events": created}],
        )
        assert json.loads(messages(aws, "uploads")[0]["Body"])["Event"] == "s3:TestEvent"
        messages(aws, "topic-uploads")
        s3.put_object(Bucket="notified", Key="elsewhere", Body=b"")
        started = s3.create_multipart_upload(Bucket="notified", Key="in/a b.pdf")
        where = {"Bucket": "notified", "Key": "in/a b.pdf", "UploadId": started["UploadId"]}
        part = s3.upload_part(**where, PartNumber=1, Body=b"x" * 100)
        s3.complete_multipart_upload(
            **where, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        )
        [queued] = messages(aws, "uploads")
        published = messages(aws, "topic-uploads", 2)
    [record] = json.loads(queued["Body"])["Records"]
    assert record["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    assert record["s3"]["object"]["key"] == "in/a+b.pdf"
    assert record["s3"]["object"]["size"] == 100
    assert record["s3"]["object"].keys() >= {"eTag", "sequencer"}
    texts = [json.loads(message["Body"])["Message"] for message in published]
    assert [json.loads(text)["Records"][0]["s3"]["object"]["key"] for text in texts] == [
        "elsewhere",
        "in/a+b.pdf",
    ]


def test_a_deletion_is_an_event_of_the_default_bus_alone(aws):
    events = aws.client("events")
    pattern = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": ["deleting"]}}})
    events.create_event_bus(Name="other")
    for bus in ("default", "other"):
        events.put_rule(Name="deletions", EventBusName=bus, EventPattern=pattern)
    with delivering():
        for bus in ("default", "other"):
            target = {"Id": "t", "Arn": arn("sqs", "uploads")}
            events.put_targets(Rule="deletions", EventBusName=bus, Targets=[target])
        s3 = configure(aws, "deleting", EventBridgeConfiguration={})
        s3.put_object(Bucket="deleting", Key="k", Body=b"")
        s3.delete_object(Bucket="deleting", Key="k")
        found = [json.loads(message["Body"]) for message in messages(aws, "uploads", 2)]
    assert [event["detail-type"] for event in found] == ["Object Created", "Object Deleted"]
    assert found[1]["detail"]["reason"] == "DeleteObject"
    assert found[1]["detail"]["deletion-type"] == "Permanently Deleted"
    assert "etag" in found[0]["detail"]["object"]


def test_events_that_never_come_are_refused(aws):
    with delivering(), pytest.raises(ClientError, match="with event s3:Replication") as refused:
        configure(
            aws,
            "refusing",
            QueueConfigurations=[{"QueueArn": arn("sqs", "uploads"), "Events": ["s3:Replication:*"]}],
        )
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    answer = aws.client("s3").get_bucket_notification_configuration(Bucket="refusing")
    assert "QueueConfigurations" not in answer


def test_functions_are_not_notified(aws):
    function = {"LambdaFunctionArn": arn("lambda", "function:f"), "Events": ["s3:ObjectCreated:*"]}
    with delivering(), pytest.raises(ClientError, match="with LambdaFunctionConfigurations"):
        configure(aws, "refusing-functions", LambdaFunctionConfigurations=[function])
