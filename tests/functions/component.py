"""What the light functions need of a component, made in moto."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import boto3

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.job_records import STATES
from hybrid_ocr.contracts.jobs import Bundle, EndpointRef, Job, StageTask
from hybrid_ocr.contracts.messages import ModelIdentity
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.objects import Objects
from local_cloud import resources
from tests.functions.fakes import WORK
from topology import load_topology

INBOX: Final = "hybrid-ocr-inbox"
ARTIFACTS: Final = "hybrid-ocr-artifacts"
KEY: Final = "inbox/letters/one.pdf"
TABLE: Final = "hybrid-ocr-tickets"
JOBS: Final = "hybrid-ocr-jobs"
BUS: Final = "hybrid-ocr-documents"
MOST: Final = 3
"""Executions under way at once."""
ACCOUNT: Final = "123456789012"
MACHINE: Final = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:documents"
DEAD_LETTERS: Final = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/dead-letters"

ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "HYBRID_OCR_INBOX_BUCKET": INBOX,
    "HYBRID_OCR_ARTIFACTS_BUCKET": ARTIFACTS,
    "HYBRID_OCR_WORK_BUCKET": WORK,
    "HYBRID_OCR_TICKETS_TABLE": TABLE,
    "HYBRID_OCR_JOBS_TABLE": JOBS,
    "HYBRID_OCR_MOST_EXECUTIONS": str(MOST),
    "HYBRID_OCR_EVENT_BUS": BUS,
    "HYBRID_OCR_STATE_MACHINE_ARN": MACHINE,
    "HYBRID_OCR_DEAD_LETTER_QUEUE_URL": DEAD_LETTERS,
}


def bundle(mode: str = "async") -> Bundle:
    """Three endpoints of one mode; ids of bundles do not depend on it."""
    stages = ("region_detection", "text_detection", "ocr")
    return Bundle.of(
        {stage: ModelIdentity(name=stage, version="1", sha256="a" * 64) for stage in stages},
        {stage: EndpointRef(name=stage.replace("_", "-"), mode=mode) for stage in stages},
    )


def job(number: int = 0) -> Job:
    return Job(job_id=f"{number:032x}", source=f"s3://{INBOX}/inbox/a.pdf", etag="e", bundle=bundle().id)


def stage_task(token: str, number: int = 0, stage: str = "ocr") -> StageTask:
    return StageTask(job=job(number), round=0, pages="1-3", stage=stage, token=token)


@dataclass
class Component:
    """The component's buckets, and what it has sent."""

    inbox: Objects
    artifacts: Objects
    work: Objects

    def upload(self, key: str = KEY, body: bytes = b"%PDF-") -> dict[str, Any]:
        """What S3 answers to an upload into the inbox."""
        return self.inbox.client.put_object(Bucket=INBOX, Key=key, Body=body)

    def executions(self) -> list[dict[str, Any]]:
        client = boto3.client("stepfunctions")
        listed = client.list_executions(stateMachineArn=MACHINE)["executions"]
        return [client.describe_execution(executionArn=one["executionArn"]) for one in listed]

    def states(self) -> Counter[str]:
        """How many jobs are in each state."""
        jobs = Jobs(JOBS)
        return Counter({state: len(list(jobs.in_state(state))) for state in STATES})

    def events(self) -> list[dict[str, Any]]:
        """What was published since the last look."""
        queues = boto3.client("sqs")
        url = queues.get_queue_url(QueueName="outcomes")["QueueUrl"]
        messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def dead_letters(self) -> list[tuple[str, str]]:
        """Code and body of each refused message since the last look."""
        queues = boto3.client("sqs")
        answer = queues.receive_message(
            QueueUrl=DEAD_LETTERS, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        for message in messages:
            queues.delete_message(QueueUrl=DEAD_LETTERS, ReceiptHandle=message["ReceiptHandle"])
        return [(told["MessageAttributes"]["code"]["StringValue"], told["Body"]) for told in messages]


def create() -> Component:
    """Everything, empty but for a bundle that is active."""
    inbox = Objects(INBOX)
    for bucket in (INBOX, ARTIFACTS, WORK):
        inbox.client.create_bucket(Bucket=bucket)
    inbox.client.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
    artifacts = inbox.at(ARTIFACTS)
    active = {"default": bundle().id, "latin": bundle().id}
    artifacts.put(keys.ACTIVE_BUNDLES, json.dumps(active).encode(), "application/json")
    artifacts.write(keys.bundle_key(bundle().id), bundle())
    boto3.client("sqs").create_queue(QueueName="dead-letters")
    boto3.client("stepfunctions").create_state_machine(
        name="documents",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/flow",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
    )
    tables = load_topology().tables
    for name, table in ((TABLE, tables["tickets"]), (JOBS, tables["jobs"])):
        resources.create_table(boto3.client("dynamodb"), name, table)
    boto3.client("sqs").create_queue(QueueName="outcomes")
    events, queue = boto3.client("events"), f"arn:aws:sqs:us-east-1:{ACCOUNT}:outcomes"
    events.create_event_bus(Name=BUS)
    events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"version": ["0"]}')
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": queue}])
    return Component(inbox, artifacts, inbox.at(WORK))


def records(*bodies: str) -> dict[str, Any]:
    """An event of SQS with these messages."""
    return {
        "Records": [
            {
                "messageId": str(n),
                "body": body,
                "eventSource": "aws:sqs",
                "attributes": {},
                "messageAttributes": {},
            }
            for n, body in enumerate(bodies)
        ]
    }


def upload_event(key: str = KEY, bucket: str = INBOX, **told: Any) -> str:
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 5, **told}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "id": "1"})


def submitted(detail: Any, source: str = "a.producer") -> str:
    return json.dumps({"source": source, "detail-type": "DocumentSubmitted", "detail": detail})
