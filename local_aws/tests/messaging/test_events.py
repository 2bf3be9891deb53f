"""EventBridge: what is delivered beside standard queues and functions, and what is refused by name."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from local_aws.account import arn
from local_aws.tests.messaging.delivering import Functions, create_queue, delivering, messages

EVENT = {
    "id": "1",
    "account": "123456789012",
    "source": "a.producer",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail-type": "x",
    "detail": {"size": 7, "labels": ["a", "b"], "pages": [{"at": {"n": 1}}, {"at": {"n": [2, 3]}}]},
}


def put(aws, source, detail="{}"):
    entry = {"Source": source, "DetailType": "x", "Detail": detail}
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_fifo_queue_gets_its_events_in_order_and_in_the_group_of_the_target(aws):
    events = aws.client("events")
    create_queue(aws, "ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    events.put_rule(Name="ordered", EventPattern='{"source": ["ordered"]}')
    target = {
        "Id": "t",
        "Arn": arn("sqs", "ordered.fifo"),
        "SqsParameters": {"MessageGroupId": "documents"},
    }
    with delivering():
        events.put_targets(Rule="ordered", Targets=[target])
        for number in range(5):
            put(aws, "ordered", json.dumps({"number": number}))
        found = messages(aws, "ordered.fifo", 5)
    assert [json.loads(message["Body"])["detail"]["number"] for message in found] == list(range(5))
    assert {message["Attributes"]["MessageGroupId"] for message in found} == {"documents"}


@pytest.mark.parametrize("parameters", [{}, {"SqsParameters": {}}])
def test_a_fifo_queue_without_a_group_is_refused(aws, parameters):
    target = {"Id": "t", "Arn": arn("sqs", "ordered.fifo"), **parameters}
    with delivering(), pytest.raises(ClientError, match="must be specified"):
        aws.client("events").put_targets(Rule="uploads", Targets=[target])


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["a.producer"]}, True),
        ({"source": ["another"]}, False),
        ({"detail": {"size": [{"numeric": [">", 5, "<=", 7]}]}}, True),
        ({"detail": {"size": [{"numeric": [">", 7]}]}}, False),
        ({"detail": {"labels": ["b", "c"]}}, True),
        ({"detail": {"pages": {"at": {"n": [3]}}}}, True),
        ({"detail": {"pages": {"at": {"n": [4]}}}}, False),
        ({"detail": {"owner": [{"exists": False}]}}, True),
        ({"$or": [{"source": [{"prefix": "b."}]}, {"detail": {"size": [7]}}]}, True),
    ],
)
def test_a_pattern_is_tested(aws, pattern, matches):
    with delivering():
        answer = aws.client("events").test_event_pattern(
            EventPattern=json.dumps(pattern), Event=json.dumps(EVENT)
        )
    assert answer["Result"] is matches


def test_a_pattern_or_an_event_that_is_none_is_refused(aws):
    events = aws.client("events")
    short = {name: value for name, value in EVENT.items() if name != "resources"}
    unknown = '{"source": [{"sounds-like": "x"}]}'
    with delivering():
        with pytest.raises(ClientError, match=r"InvalidEventPattern.*sounds-like"):
            events.put_rule(Name="unknown", EventPattern=unknown)
        with pytest.raises(ClientError, match="InvalidEventPattern"):
            events.test_event_pattern(EventPattern=unknown, Event=json.dumps(EVENT))
        with pytest.raises(ClientError, match="resources"):
            events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=json.dumps(short))


def test_a_function_that_is_gone_leaves_its_event_in_the_dead_letter_queue(aws):
    def gone(_name, _event):
        raise LookupError

    events = aws.client("events")
    events.put_rule(Name="lost", EventPattern='{"source": ["lost"]}')
    target = {
        "Id": "t",
        "Arn": arn("lambda", "function:gone"),
        "DeadLetterConfig": {"Arn": arn("sqs", "notices-dead")},
    }
    with delivering(Functions(gone)):
        events.put_targets(Rule="lost", Targets=[target])
        put(aws, "lost", '{"kept": true}')
        [kept] = messages(aws, "notices-dead")
    assert json.loads(kept["Body"])["detail"] == {"kept": True}


@pytest.mark.parametrize(
    "target",
    [
        "arn:aws:sqs:us-east-1:210987654321:jobs",
        "arn:aws:lambda:eu-west-1:123456789012:function:f",
        arn("events", "event-bus/documents"),
        arn("events", "api-destination/d/1"),
    ],
)
def test_a_target_elsewhere_is_refused_by_name(aws, target):
    with delivering(), pytest.raises(ClientError, match=r"does not serve events\.PutTargets with") as refused:
        aws.client("events").put_targets(Rule="uploads", Targets=[{"Id": "t", "Arn": target}])
    assert target in str(refused.value)


def test_what_is_never_done_is_refused_before_anything_is_made(aws):
    events = aws.client("events")
    before = [rule["Name"] for rule in events.list_rules()["Rules"]]
    bus = arn("events", "event-bus/default")
    calls = {
        "create_archive": {"ArchiveName": "a", "EventSourceArn": bus},
        "start_replay": {
            "ReplayName": "r",
            "EventSourceArn": arn("events", "archive/a"),
            "EventStartTime": 0,
            "EventEndTime": 1,
            "Destination": {"Arn": bus},
        },
        "create_connection": {
            "Name": "c",
            "AuthorizationType": "API_KEY",
            "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"}},
        },
        "create_api_destination": {
            "Name": "d",
            "ConnectionArn": arn("events", "connection/c/1"),
            "InvocationEndpoint": "https://localhost",
            "HttpMethod": "POST",
        },
    }
    codes = Counter()
    for operation, parameters in calls.items():
        with pytest.raises(ClientError, match=r"the local AWS does not serve events\.") as refused:
            getattr(events, operation)(**parameters)
        codes[refused.value.response["Error"]["Code"]] += 1
    assert codes == {"NotImplemented": 4}
    assert [rule["Name"] for rule in events.list_rules()["Rules"]] == before
    assert events.list_archives()["Archives"] == []
