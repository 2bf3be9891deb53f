"""SNS: topics to queues, with filters, raw delivery, FIFO and faults."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local_aws.account import arn
from local_aws.messaging.faults import ChannelFaults, FaultPlan
from local_aws.tests.messaging.delivering import create_queue, delivering, messages

KIND = {"kind": {"DataType": "String", "StringValue": "scan"}}


@pytest.fixture(scope="module", autouse=True)
def queues(aws):
    for name in ("plain", "raw", "kept"):
        create_queue(aws, name)


def topic_to(aws, endpoint, topic="news", **attributes):
    sns = aws.client("sns")
    topic_arn = sns.create_topic(Name=f"{topic}-{endpoint.rpartition(':')[2]}")["TopicArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)
    return topic_arn


@pytest.mark.parametrize("raw", ["true", "false"])
def test_raw_delivery_and_filters_pass_the_fault_plan(aws, raw):
    plan = FaultPlan(seed=1, sns=ChannelFaults(duplicate=1.0, copies=2))
    with delivering(faults=plan):
        policy = json.dumps({"kind": ["scan"]})
        topic = topic_to(
            aws, arn("sqs", "raw"), topic=f"filter-{raw}", RawMessageDelivery=raw, FilterPolicy=policy
        )
        sns = aws.client("sns")
        sns.publish(TopicArn=topic, Message="no attributes")
        sns.publish(TopicArn=topic, Message="a scan", MessageAttributes=KIND)
        found = messages(aws, "raw", 2)
    assert plan.summary()["sns"]["messages"] == 1
    assert plan.summary()["sns"]["deliveries"] == len(found) == 2
    if raw == "true":
        assert [message["Body"] for message in found] == ["a scan"] * 2
        assert found[0]["MessageAttributes"] == KIND
    else:
        bodies = [json.loads(message["Body"]) for message in found]
        assert [body["Message"] for body in bodies] == ["a scan"] * 2
        assert bodies[0]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "scan"}}


def test_a_structured_message_is_that_of_the_protocol(aws):
    with delivering():
        topic = topic_to(aws, arn("sqs", "plain"), RawMessageDelivery="true")
        text = json.dumps({"default": "for all", "sqs": "for queues"})
        aws.client("sns").publish(TopicArn=topic, Message=text, MessageStructure="json")
        [found] = messages(aws, "plain")
    assert found["Body"] == "for queues"


def test_a_fifo_topic_keeps_groups_and_drops_duplicates(aws):
    create_queue(aws, "ordered.fifo", FifoQueue="true")
    sns = aws.client("sns")
    topic = sns.create_topic(
        Name="ordered.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    )["TopicArn"]
    with delivering(faults=FaultPlan(seed=1, sns=ChannelFaults(drop=1.0))):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "ordered.fifo"))
        for text in ("first", "second", "first"):
            sns.publish(TopicArn=topic, Message=text, MessageGroupId="g")
        found = messages(aws, "ordered.fifo", 2)
    assert [json.loads(message["Body"])["Message"] for message in found] == ["first", "second"]


def test_what_finds_no_queue_goes_to_the_dead_letter_queue_of_the_subscription(aws):
    with delivering():
        redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "kept")})
        topic = topic_to(aws, arn("sqs", "nowhere"), RedrivePolicy=redrive)
        aws.client("sns").publish(TopicArn=topic, Message="lost?")
        [kept] = messages(aws, "kept")
    assert json.loads(kept["Body"])["Message"] == "lost?"


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "a@example.org"),
        ("https", "https://example.org"),
        ("sms", "+15555550100"),
        ("lambda", arn("lambda", "function:f")),
    ],
)
def test_a_protocol_that_is_never_delivered_is_refused(aws, protocol, endpoint):
    sns = aws.client("sns")
    topic = sns.create_topic(Name="refusing")["TopicArn"]
    expected = rf"does not serve sns\.Subscribe with protocol {protocol}"
    with delivering(), pytest.raises(ClientError, match=expected):
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_nothing_is_sent_to_phones(aws):
    with delivering(), pytest.raises(ClientError, match=r"sns\.Publish with a phone number"):
        aws.client("sns").publish(PhoneNumber="+15555550100", Message="hello")
