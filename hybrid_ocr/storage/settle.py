"""What becomes of a ticket: one rule for every path on which an answer can arrive.

S3 is the truth. A notice of SageMaker only says when to look, and a sweep looks without one. States are
answered first and the ticket is closed after: what dies in between leaves a ticket that is settled again,
whose tokens nobody waits with any more. Never is a state left without an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import time

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.storage.failures import LONGEST_REASON, failure_of
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Ticket, Tickets


class End(StrEnum):
    """How a ticket ended, if it did."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    WAITING = "waiting"


@dataclass(frozen=True)
class Settlement:
    """What was done with a ticket, and how many of its tokens nobody waited with any more."""

    end: End
    stale_tokens: int


@dataclass(frozen=True)
class FailureNotice:
    """SageMaker's word that an invocation failed, and when it did."""

    reason: str
    failed_at: datetime


class Settler:
    """Settles tickets.

    Args:
        tickets: the table.
        tasks: answers the states.
        work: the work bucket, where outputs and error objects lie.
    """

    def __init__(self, tickets: Tickets, tasks: Tasks, work: Objects) -> None:
        self._tickets, self._tasks, self._work = tickets, tasks, work

    def settle(self, inference_id: str, notice: FailureNotice | None = None) -> Settlement | None:
        """Answer the states that wait for an invocation if it has ended, else tell them that it goes on.

        Returns:
            what was done; None where no state waits.
        """
        settlement = None
        while (ticket := self._tickets.get(inference_id)) is not None:
            settlement = self.succeed(ticket) or self._fail_or_wait(ticket, notice)
            if settlement.end is End.WAITING or self._tickets.close(ticket):
                break
        return settlement

    def succeed(self, ticket: Ticket) -> Settlement | None:
        """Answer the states of a ticket whose output is there; None: it is not there yet."""
        if not self._has_output(ticket):
            return None
        return Settlement(End.SUCCEEDED, sum(not self._tasks.succeed(token) for token in ticket.tokens))

    def _has_output(self, ticket: Ticket) -> bool:
        """Whether an output is there; one that SageMaker wrote under another key is brought to its own."""
        if self._work.exists(ticket.output_key):
            return True
        if ticket.invocation is None:
            return False
        written = self._work.key_of(ticket.invocation.output_uri)
        if written == ticket.output_key or not self._work.exists(written):
            return False
        self._work.copy(written, ticket.output_key)
        return True

    def _fail_or_wait(self, ticket: Ticket, notice: FailureNotice | None) -> Settlement:
        if failure := self._failure_of(ticket, notice):
            return self._fail(ticket, failure, End.FAILED)
        if time() >= ticket.deadline:
            return self._fail(ticket, _expired(ticket), End.EXPIRED)
        gone = frozenset(token for token in ticket.tokens if not self._tasks.heartbeat(token))
        self._tickets.drop(ticket, gone)
        return Settlement(End.WAITING, len(gone))

    def _fail(self, ticket: Ticket, error: ErrorInfo, end: End) -> Settlement:
        self._work.write(ticket.error_key, error)
        return Settlement(end, sum(not self._tasks.fail(token, error) for token in ticket.tokens))

    def _failure_of(self, ticket: Ticket, notice: FailureNotice | None) -> ErrorInfo | None:
        """Why the invocation in flight failed; one before it, of the same inference id, does not count."""
        uri = ticket.invocation.failure_uri if ticket.invocation else None
        if uri:
            key = self._work.key_of(uri)
            facts = self._work.facts(key)
            if facts and _not_before(facts.modified, ticket.since):
                reason = self._work.get(key) if facts.size <= LONGEST_REASON else b""
                return failure_of(reason.decode("utf-8", "replace"))
        if notice and _not_before(notice.failed_at, ticket.since):
            return failure_of(notice.reason)
        return None


def _not_before(moment: datetime, since: float) -> bool:
    """Whether a moment, which may be cut to whole seconds, is not before another."""
    return moment.timestamp() >= (since if moment.microsecond else int(since))


def _expired(ticket: Ticket) -> ErrorInfo:
    seconds = time() - ticket.since
    message = (
        f"no answer of {ticket.stage} within {seconds:.0f} seconds" if ticket.invocation else "never sent"
    )
    return ErrorInfo(code=ErrorCode.STAGE_TIMEOUT, message=message, retryable=True)
