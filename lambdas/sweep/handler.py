"""Handler of sweep: called by a schedule each minute, whatever the event says."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from aws_lambda_powertools.utilities.parser import BaseModel

from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.reconciliation import Reconciliation, Repair
from hybrid_ocr.storage.settle import End, Settler
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Tickets
from hybrid_ocr.telemetry import describe
from lambdas.sweep.linger import linger, recovered
from lambdas.sweep.settings import SweepSettings
from lambdas.sweep.sweep import sweep

MARGIN_SECONDS: Final = 10.0
"""Left of an invocation's time for the tickets in hand."""

host = FunctionHost("sweep")
settings = load_settings(SweepSettings)
tickets = Tickets(settings.tickets_table)
settler = Settler(tickets, Tasks(), Objects(settings.work_bucket))
reconciliation = Reconciliation.of(
    Executions(settings.state_machine_arn), settings.jobs_table, settings.most_executions, settings.event_bus
)


class Tick(BaseModel):
    """The event of the schedule; nothing in it matters."""


@host.task(Tick)
def handler(_: Tick) -> None:
    """Go through the jobs, then through the open tickets, again and again while notices are being lost."""
    _reconcile()
    total = linger(lambda: sweep(tickets, settler, _in_time), _in_time, time.sleep)
    host.count("OpenTickets", total.open_tickets)
    host.count("OldestTicketSeconds", total.oldest_seconds, "Seconds")
    host.count("RecoveredTickets", recovered(total))
    host.count("ExpiredTickets", total.ends[End.EXPIRED])
    host.count("StaleTokens", total.stale_tokens)
    host.count("UnsettledTickets", total.unsettled)
    host.count("SweepsCutShort", 0 if total.complete else 1)


def _reconcile() -> None:
    try:
        half = host.remaining_seconds / 2  # the other one is the tickets'
        repairs = reconciliation.reconcile(lambda: host.remaining_seconds > half)
        host.count("OldestWaitingJobSeconds", reconciliation.oldest_waiting_seconds(), "Seconds")
    except Exception as error:  # tickets are settled whatever is wrong with the jobs
        host.log.error("jobs could not be reconciled", error=describe(error))
        repairs = Counter({Repair.FAILED: 1})
    host.count("JobsRunning", repairs.total())
    host.count("JobsRepaired", repairs.total() - repairs[Repair.FINE] - repairs[Repair.FAILED])
    host.count("JobsUnrepaired", repairs[Repair.FAILED])


def _in_time() -> bool:
    return host.remaining_seconds > MARGIN_SECONDS
