"""Handler of sweep: called by a schedule each minute, whatever the event says."""

from __future__ import annotations

import time
from typing import Final

from aws_lambda_powertools.utilities.parser import BaseModel

from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.settings import load_settings
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.settle import End, Settler
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Tickets
from lambdas.sweep.linger import linger, recovered
from lambdas.sweep.settings import SweepSettings
from lambdas.sweep.sweep import sweep

MARGIN_SECONDS: Final = 10.0
"""Left of an invocation's time for the tickets in hand."""

host = FunctionHost("sweep")
settings = load_settings(SweepSettings)
tickets = Tickets(settings.tickets_table)
settler = Settler(tickets, Tasks(), Objects(settings.work_bucket))


class Tick(BaseModel):
    """The event of the schedule; nothing in it matters."""


@host.task(Tick)
def handler(_: Tick) -> None:
    """Go through the open tickets, again and again while notices are being lost."""
    total = linger(lambda: sweep(tickets, settler, _in_time), _in_time, time.sleep)
    host.count("OpenTickets", total.open_tickets)
    host.count("OldestTicketSeconds", total.oldest_seconds, "Seconds")
    host.count("RecoveredTickets", recovered(total))
    host.count("ExpiredTickets", total.ends[End.EXPIRED])
    host.count("StaleTokens", total.stale_tokens)
    host.count("UnsettledTickets", total.unsettled)
    host.count("SweepsCutShort", 0 if total.complete else 1)


def _in_time() -> bool:
    return host.remaining_seconds > MARGIN_SECONDS
