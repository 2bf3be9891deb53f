"""A small deployment to speak to: moto behind a socket, and a flow of a few states for the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final

from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.contracts.events import DocumentSubmitted
from hybrid_ocr.contracts.jobs import Job, job_id_of
from hybrid_ocr.contracts.keys import result_prefix, split_uri
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.result import DocumentResult
from local_aws.server import AwsServer

BUNDLE: Final = "0" * 16
ROLE: Final = "arn:aws:iam::123456789012:role/flow"
RUNS_ON, FAILS = "999", "998"
"""Pages to ask for, so that the flow here never ends, or fails."""

_ENDS: Final = {
    RUNS_ON: {"Type": "Wait", "Seconds": 600, "Next": "read"},
    FAILS: {"Type": "Fail", "Error": ErrorCode.ENCRYPTED_DOCUMENT.value, "Cause": "asks for a password"},
}
_OUTCOME: Final = {
    "detail_type": "DocumentCompleted",
    "source": "hybrid-ocr",
    "detail": {
        "job_id": "0" * 32,
        "source": "s3://bucket/key",
        "verdict": "review",
        "result": "s3://bucket/result.json",
        "counts": {"expected": 2, "read": 1, "failed": 1},
    },
}
FLOW: Final = {
    "StartAt": "which",
    "States": {
        "which": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.options.pages", "StringEquals": pages, "Next": pages} for pages in _ENDS
            ],
            "Default": "read",
        },
        **_ENDS,
        "read": {"Type": "Pass", "Result": _OUTCOME, "End": True},
    },
}


class Deployment:
    """Buckets, a bus that a queue listens to, and a state machine, on a server of this process."""

    def __init__(self, server: AwsServer) -> None:
        self.server = server
        self.names = Names()
        self.s3, self.flow, self.queues = map(server.client, ("s3", "stepfunctions", "sqs"))
        self._make()

    def _make(self) -> None:
        for bucket in ("inbox", "results", "artifacts"):
            self.s3.create_bucket(Bucket=self.names.bucket(bucket))
        self.s3.put_bucket_versioning(
            Bucket=self.names.bucket("inbox"), VersioningConfiguration={"Status": "Enabled"}
        )
        self.queue = self.queues.create_queue(QueueName=self.names.queue("jobs"))["QueueUrl"]
        events = self.server.client("events")
        bus = self.names.bus("documents")
        events.create_event_bus(Name=bus)
        pattern = json.dumps({"detail-type": ["DocumentSubmitted"]})
        events.put_rule(Name="submissions", EventBusName=bus, EventPattern=pattern)
        arn = self.names.arn("sqs", self.names.queue("jobs"))
        events.put_targets(Rule="submissions", EventBusName=bus, Targets=[{"Id": "jobs", "Arn": arn}])
        self.flow.create_state_machine(
            name=self.names.state_machine("documents"),
            definition=json.dumps(FLOW),
            roleArn=ROLE,
        )

    def messages(self) -> list[str]:
        """What the queue of jobs holds; taken out of it."""
        answer = self.queues.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            self.queues.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def submitted(self) -> tuple[dict[str, Any], DocumentSubmitted]:
        """The one event that was put on the bus."""
        [body] = self.messages()
        event = json.loads(body)
        return event, DocumentSubmitted.model_validate(event["detail"])

    def start(self, job: Job) -> str:
        """Start an execution as intake does."""
        name = self.names.state_machine("documents")
        answer = self.flow.start_execution(
            stateMachineArn=self.names.arn("states", f"stateMachine:{name}"),
            name=job.execution_name,
            input=job.model_dump_json(),
        )
        return str(answer["executionArn"])

    def put_result(self, result: DocumentResult, attempt: int = 1, **files: bytes) -> None:
        """Write a result and files beside it as validation does."""
        prefix = result_prefix(result.job_id, attempt)
        bodies = {"result.json": result.model_dump_json().encode()}
        bodies |= {name.replace("_", "."): body for name, body in files.items()}
        for name, body in bodies.items():
            self.s3.put_object(Bucket=self.names.bucket("results"), Key=prefix + name, Body=body)

    def job_of(self, submitted: DocumentSubmitted) -> Job:
        """The job that intake makes of a submission."""
        bucket, key = split_uri(submitted.source)
        head = self.s3.head_object(Bucket=bucket, Key=key)
        version = head.get("VersionId")
        return Job(
            job_id=job_id_of(submitted, version or head["ETag"].strip('"')),
            source=submitted.source,
            etag=head["ETag"].strip('"'),
            version_id=version,
            options=submitted.options,
            test=submitted.test,
            bundle=BUNDLE,
        )


class Worker:
    """Takes submissions as intake does, and has a result at once or, where nothing reads, none."""

    def __init__(self, deployment: Deployment, read: Callable[[Job], DocumentResult] | None) -> None:
        self._deployment, self._read = deployment, read
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(0.02):
            for body in self._deployment.messages():
                submitted = DocumentSubmitted.model_validate(json.loads(body)["detail"])
                job = self._deployment.job_of(submitted)
                if self._read:
                    self._deployment.put_result(self._read(job))
                self._deployment.start(job)
