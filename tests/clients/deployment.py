"""A small deployment to speak to: moto behind a socket, whose jobs end as soon as they are started."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Final

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import DocumentNeedsReview, DocumentSubmitted, JobRedriven, PageCounts
from hybrid_ocr.contracts.jobs import Job, Outcome, job_id_of
from hybrid_ocr.contracts.keys import result_prefix, split_uri
from hybrid_ocr.contracts.names import Names
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.storage.jobs import Jobs
from local_aws.moto_server import session
from local_aws.server import CREDENTIALS, AwsServer
from local_cloud.resources import create_table
from topology import load_topology

BUNDLE: Final = "0" * 16
RUNS_ON, FAILS = "999", "998"
"""Pages to ask for, so that a job here never ends, or fails."""


class Deployment:
    """Buckets, a bus that a queue listens to, and a table of jobs, on a server of this process."""

    def __init__(self, server: AwsServer) -> None:
        self.server = server
        self.names = Names()
        self.s3, self.queues = map(server.client, ("s3", "sqs"))
        self._make()
        self.jobs = self.table(self.names)

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
        pattern = json.dumps({"detail-type": ["DocumentSubmitted", "JobRedriven"]})
        events.put_rule(Name="submissions", EventBusName=bus, EventPattern=pattern)
        arn = self.names.arn("sqs", self.names.queue("jobs"))
        events.put_targets(Rule="submissions", EventBusName=bus, Targets=[{"Id": "jobs", "Arn": arn}])

    def table(self, names: Names) -> Jobs:
        """A new table of jobs, under the name that it has in a deployment."""
        create_table(self.server.client("dynamodb"), names.table("jobs"), load_topology().tables["jobs"])
        resource = session().resource("dynamodb", endpoint_url=self.server.endpoint_url, **CREDENTIALS)
        return Jobs(names.table("jobs"), resource.Table(names.table("jobs")))

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

    def submit(self, job: Job) -> None:
        """Let a job wait as intake does."""
        if job.attempt == 1:
            self.jobs.submit(job)
        else:
            self.jobs.submit_again(JobRedriven(job_id=job.job_id, attempt=job.attempt))

    def start(self, job: Job) -> None:
        """Submit a job that comes to its end at once, unless it runs on."""
        self.submit(job)
        self.jobs.mark_running(job)
        if job.options.pages == FAILS:
            self.fail(job, ErrorCode.ENCRYPTED_DOCUMENT, "asks for a password")
        elif job.options.pages != RUNS_ON:
            self._end(job, _read(job))

    def fail(self, job: Job, code: ErrorCode, message: str) -> None:
        """End a job that was started."""
        self._end(job, Outcome.failed(job, ErrorInfo(code=code, message=message, retryable=False)))

    def _end(self, job: Job, outcome: Outcome) -> None:
        self.jobs.record(job, outcome)
        self.jobs.end(job)

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
    """Takes events as intake does, and has a result at once or, where nothing reads, none."""

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
                job = self._job(json.loads(body))
                if self._read:
                    self._deployment.put_result(self._read(job))
                self._deployment.start(job)

    def _job(self, event: dict[str, Any]) -> Job:
        if event["detail-type"] == "DocumentSubmitted":
            return self._deployment.job_of(DocumentSubmitted.model_validate(event["detail"]))
        asked = JobRedriven.model_validate(event["detail"])
        last = self._deployment.jobs.get(asked.job_id)
        assert last is not None
        return last.job.model_copy(update={"attempt": asked.attempt})


def _read(job: Job) -> Outcome:
    """The outcome of a document of two pages, of which one was read."""
    return Outcome.of(
        DocumentNeedsReview(
            job_id=job.job_id,
            attempt=job.attempt,
            source=job.source,
            test=job.test,
            verdict="review",
            result="s3://bucket/result.json",
            counts=PageCounts(expected=2, read=1, failed=1),
        )
    )
