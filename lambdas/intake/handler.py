"""Handler of intake: messages of the jobs queue.

What cannot become a job goes to the dead-letter queue at once, with its code, and is done: no retry heals it.
Everything else that goes wrong lets the message come back.
"""

from __future__ import annotations

from typing import Final

import boto3
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hybrid_ocr.contracts.errors import DocumentError, OcrError, RequestError
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.bundles import Bundles
from hybrid_ocr.storage.faults import CONFIG
from hybrid_ocr.storage.objects import Objects
from lambdas.intake.intake import Intake, IntakeOutcome
from lambdas.intake.settings import IntakeSettings

METRICS: Final = {
    IntakeOutcome.STARTED: "DocumentsAccepted",
    IntakeOutcome.DUPLICATE: "DuplicateEvents",
    IntakeOutcome.FOLDER: "FoldersIgnored",
}

host = FunctionHost("intake")
settings = load_settings(IntakeSettings)
inbox = Objects(settings.inbox_bucket)
bundles = Bundles(inbox.at(settings.artifacts_bucket))
queues = boto3.client("sqs", config=CONFIG)
intake = Intake(settings, inbox, bundles, boto3.client("stepfunctions", config=CONFIG))


@host.queue()
def handler(record: SQSRecord) -> None:
    """Take in one event, or refuse it."""
    try:
        host.count(METRICS[intake.take(record.body)])
    except (RequestError, DocumentError) as refusal:
        _refuse(record, refusal)


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
