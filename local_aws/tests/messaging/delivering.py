"""Resources of the tests of messaging, made by requests; stubs stand for the functions alone."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local_aws.account import ACCOUNT, arn
from local_aws.functions.model import Invocation
from local_aws.messaging import deliveries
from local_aws.messaging.faults import FaultPlan
from local_aws.server import AwsServer
from local_aws.tests.patience import PATIENCE

INBOX, OTHER_BUCKET = "the-inbox", "no-events"
MAX_RECEIVES, CONCURRENCY = 4, 4
QUEUES = {"jobs": "intake", "notices": "resume"}
"""The function that each queue feeds. Its dead-letter queue has its name and `-dead`."""
UPLOADS = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": [INBOX]}, "object": {"key": [{"prefix": "inbox/"}]}},
}


@dataclass(frozen=True)
class Answer(Invocation):
    payload: bytes = b"null"
    error: str | None = None
    request_id: str = "a-request"


@dataclass
class Functions:
    """In the place of the functions: remembers the calls, answers as asked to."""

    answer: Callable[[str, dict[str, Any]], Answer] = lambda _name, _event: Answer()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, name: str, payload: bytes) -> Answer:
        event = json.loads(payload)
        with self._changed:
            self.calls.append((name, event))
            self._changed.notify_all()
        return self.answer(name, event)

    def bodies(self, name: str) -> list[dict[str, Any]]:
        events = [event for called, event in self.calls if called == name]
        return [json.loads(record["body"]) for event in events for record in event["Records"]]

    def wait_until(self, met: Callable[[], bool], seconds: float = PATIENCE) -> None:
        with self._changed:
            assert self._changed.wait_for(met, seconds), self.calls

    def wait_for_bodies(self, name: str, count: int) -> list[dict[str, Any]]:
        self.wait_until(lambda: len(self.bodies(name)) >= count)
        return self.bodies(name)


@contextmanager
def delivering(
    functions: Functions | None = None, faults: FaultPlan | None = None, **options: Any
) -> Iterator[None]:
    with deliveries.delivering(functions or Functions(), faults or FaultPlan(), **options):
        yield


def create(aws: AwsServer) -> None:
    """Buckets, queues, functions and rules; each test empties the queues it fills."""
    s3, events = aws.client("s3"), aws.client("events")
    for bucket in (INBOX, OTHER_BUCKET):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=INBOX, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    for queue, name in QUEUES.items():
        create_function(aws, name, reserved=CONCURRENCY)
        create_queue(aws, f"{queue}-dead")
        redrive = {"deadLetterTargetArn": arn("sqs", f"{queue}-dead"), "maxReceiveCount": MAX_RECEIVES}
        create_queue(aws, queue, VisibilityTimeout="360", RedrivePolicy=json.dumps(redrive))
        aws.client("lambda").create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=arn("sqs", queue),
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
    create_function(aws, "sweep")
    events.create_event_bus(Name="documents")
    events.put_rule(Name="uploads", EventPattern=json.dumps(UPLOADS))
    events.put_rule(
        Name="submissions", EventBusName="documents", EventPattern='{"detail-type": ["Submitted"]}'
    )
    events.put_rule(Name="sweep", ScheduleExpression="rate(1 minute)")
    for rule, bus, target in (
        ("uploads", "default", arn("sqs", "jobs")),
        ("submissions", "documents", arn("sqs", "jobs")),
        ("sweep", "default", arn("lambda", "function:sweep")),
    ):
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "target", "Arn": target}])


def create_queue(aws: AwsServer, name: str, **attributes: str) -> str:
    return str(aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def create_function(aws: AwsServer, name: str, reserved: int | None = None) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", "")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role["Arn"],
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    if reserved is not None:
        aws.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=reserved
        )
    return str(made["FunctionArn"])


def url(queue: str) -> str:
    return f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{queue}"


def settle(seconds: float = 0.4) -> None:
    """Time for what must not happen to happen."""
    time.sleep(seconds)


def messages(aws: AwsServer, queue: str, count: int = 1) -> list[dict[str, Any]]:
    """What lies in a queue, once it is that much; nothing is taken out that is not returned."""
    sqs, found = aws.client("sqs"), []
    while True:
        got = sqs.receive_message(
            QueueUrl=url(queue),
            MaxNumberOfMessages=10,
            WaitTimeSeconds=20 if len(found) < count else 0,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        ).get("Messages", [])
        if not got:
            return found
        for message in got:
            sqs.delete_message(QueueUrl=url(queue), ReceiptHandle=message["ReceiptHandle"])
        found += got


def upload(aws: AwsServer, key: str, body: bytes = b"a document") -> dict[str, Any]:
    return dict(aws.client("s3").put_object(Bucket=INBOX, Key=key, Body=body))
