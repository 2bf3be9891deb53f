"""The end of a job: one outcome, one event, its slot given back, the next job admitted.

Each step may happen twice, and after each one the process may die: the outcome that was recorded first
stays, what was not published yet is published from the record, and a job keeps its slot until all of that is
done. So the sweep finds in the slots whatever was left half done. An event can come twice, with the same job
and attempt; two different ones cannot.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import boto3

from hybrid_ocr.contracts.errors import CapacityError
from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.storage.admission import Admission
from hybrid_ocr.storage.faults import CONFIG
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.slots import Slots
from hybrid_ocr.telemetry import describe

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

log = logging.getLogger(__name__)


class Conclusion:
    """Ends jobs.

    Args:
        jobs: the table.
        slots: which executions hold one.
        admission: starts the next job.
        bus: name of the event bus that outcomes go to.
        events: EventBridge; by default a client from the environment.
    """

    def __init__(
        self,
        jobs: Jobs,
        slots: Slots,
        admission: Admission,
        bus: str,
        events: EventBridgeClient | None = None,
    ) -> None:
        self._jobs, self._slots, self._admission = jobs, slots, admission
        self._bus = bus
        self._events: EventBridgeClient = events or boto3.client("events", config=CONFIG)

    def conclude(self, job: Job, outcome: Outcome) -> Outcome:
        """End a job.

        Args:
            job: in the attempt that has ended.
            outcome: how, as far as the caller knows.

        Returns:
            the outcome that counts, which is the first that was recorded.

        Raises:
            CapacityError: the bus takes no event now, or another attempt of the job is under way.
        """
        record = self._jobs.record(job, outcome)
        if record.job.attempt == job.attempt:
            self.finish(record)
            return record.outcome or outcome
        self._free(job)  # a later attempt began, which the outcome of this one came before
        return outcome

    def finish(self, record: JobRecord) -> None:
        """Do what is left to do for a job whose outcome is recorded."""
        if record.outcome and record.state != "ended":
            self._publish(record.outcome)
            self._jobs.end(record.job)
        self._free(record.job)

    def _publish(self, outcome: Outcome) -> None:
        entry: Any = {
            "EventBusName": self._bus,
            "Source": outcome.source,
            "DetailType": outcome.detail_type,
            "Detail": outcome.event.model_dump_json(),
        }
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            [refused] = answer["Entries"]
            raise CapacityError(f"the bus took no event: {str(refused.get('ErrorCode'))[:100]}")

    def _free(self, job: Job) -> None:
        self._slots.give_back(job.execution_name)
        try:
            self._admission.admit()
        except Exception as error:  # this job is done; the next will be admitted by whoever comes next
            log.warning("no job could be admitted", extra={"fields": {"error": describe(error)}})
