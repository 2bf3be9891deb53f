"""Handler of resume: messages of the queue behind the topics of the asynchronous endpoints.

A message that is no notice comes back, and ends in the dead-letter queue. A notice of nothing that is waited
for is done with: it is a duplicate, or later than the sweep.
"""

from __future__ import annotations

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.settle import Settler
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Tickets
from lambdas.resume.notice import read_notice
from lambdas.resume.settings import ResumeSettings

host = FunctionHost("resume")
settings = load_settings(ResumeSettings)
settler = Settler(Tickets(settings.tickets_table), Tasks(), Objects(settings.work_bucket))


@host.queue()
def handler(record: SQSRecord) -> None:
    """Settle the ticket that a notice is about."""
    notice = read_notice(record.body)
    settlement = settler.settle(notice.inference_id, notice.failure)
    if settlement is None:
        host.count("NoticesInVain")
        return
    host.count("TicketsSettled", end=settlement.end)
    if settlement.stale_tokens:
        host.count("StaleTokens", settlement.stale_tokens)
