"""S3's events on EventBridge, the one place where they go."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local_aws.account import arn
from local_aws.tests.messaging.delivering import create_queue, delivering, messages


@pytest.fixture(scope="module", autouse=True)
def queue(aws):
    create_queue(aws, "uploads")


def configure(aws, bucket, **configuration):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    return s3


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


@pytest.mark.parametrize(
    ("kind", "name", "resource"),
    [
        ("Queue", "QueueArn", arn("sqs", "uploads")),
        ("Topic", "TopicArn", arn("sns", "uploads")),
        ("LambdaFunction", "LambdaFunctionArn", arn("lambda", "function:f")),
    ],
)
def test_what_is_not_notified_is_refused(aws, kind, name, resource):
    notification = {name: resource, "Events": ["s3:ObjectCreated:*"]}
    with delivering(), pytest.raises(ClientError, match="only with EventBridgeConfiguration") as refused:
        configure(aws, "refusing", **{f"{kind}Configurations": [notification]})
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    answer = aws.client("s3").get_bucket_notification_configuration(Bucket="refusing")
    assert f"{kind}Configurations" not in answer
