"""Handler of intake: messages of the jobs queue.

What cannot become a job goes to the dead-letter queue at once, with its code, and is done: no retry heals it.
What becomes one waits in the table of jobs, and its message is done, whether there is a slot for it or not.
Everything else that goes wrong lets the message come back.
"""

from __future__ import annotations

from typing import Final

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from hybrid_ocr.contracts.errors import DocumentError, OcrError, RequestError
from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.admission import Admission
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.faults import CONFIG
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.slots import Slots
from hybrid_ocr.telemetry import describe
from lambdas.intake.intake import Intake, IntakeOutcome
from lambdas.intake.settings import IntakeSettings

METRICS: Final = {
    IntakeOutcome.ACCEPTED: "DocumentsAccepted",
    IntakeOutcome.DUPLICATE: "DuplicateEvents",
    IntakeOutcome.FOLDER: "FoldersIgnored",
}

host = FunctionHost("intake")
settings = load_settings(IntakeSettings)
inbox = Objects(settings.inbox_bucket)
bundles = Bundles(inbox.at(settings.artifacts_bucket))
queues = boto3.client("sqs", config=CONFIG)
jobs = Jobs(settings.jobs_table)
admission = Admission(
    jobs, Slots(settings.jobs_table, settings.most_executions), Executions(settings.state_machine_arn)
)
intake = Intake(settings, inbox, bundles, jobs)

MARGIN_SECONDS: Final = 15.0
"""Left of an invocation's time for its other messages."""


@host.queue()
def handler(record: SQSRecord) -> None:
    """Take in one event, or refuse it."""
    try:
        outcome, waiting = intake.take(record.body)
    except (RequestError, DocumentError) as refusal:
        _refuse(record, refusal)
        return
    host.count(METRICS[outcome])
    _admit(*filter(None, [waiting]))


def _admit(*waiting: JobRecord) -> None:
    """Start what waits. What cannot be started now waits on, for the end of another job or the sweep."""
    try:
        admission.admit(*waiting, in_time=lambda: host.remaining_seconds > MARGIN_SECONDS)
    except (BotoCoreError, ClientError) as error:
        host.log.warning("no job could be admitted", error=describe(error))
        host.count("AdmissionsFailed")


def _refuse(record: SQSRecord, refusal: OcrError) -> None:
    queues.send_message(
        QueueUrl=settings.dead_letter_queue_url,
        MessageBody=record.body,
        MessageAttributes={
            "code": {"DataType": "String", "StringValue": refusal.code.value},
            "message": {"DataType": "String", "StringValue": refusal.message[:1024]},
        },
    )
    host.log.warning("refused", code=refusal.code, reason=refusal.message)
    host.count("DocumentsRejected", code=refusal.code.value)
