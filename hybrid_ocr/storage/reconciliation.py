"""Reconciliation: jobs and slots as Step Functions says they are.

An execution that is stopped or runs out of time tells nobody, and a function may die between any two of its
steps. Executions are the truth: what is found here is concluded, started or freed as if nothing had happened.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from time import time
from typing import TYPE_CHECKING, Final, Self

from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.storage.admission import Admission
from hybrid_ocr.storage.conclusion import Conclusion
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.slots import Slots
from hybrid_ocr.telemetry import describe

_NAME: Final = re.compile(r"([0-9a-f]{32})-([1-9][0-9]?)")

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_events import EventBridgeClient

log = logging.getLogger(__name__)


class Repair(StrEnum):
    """What was done about a job."""

    FINE = "fine"
    STARTED = "started"
    CONCLUDED = "concluded"
    FREED = "freed"
    FAILED = "failed"
    """Nothing could be done now; the log says why."""


class Reconciliation:
    """Compares the table of jobs with Step Functions.

    Args:
        jobs: the table.
        slots: which executions hold one.
        executions: the truth.
        admission: starts jobs.
        conclusion: ends jobs.
    """

    def __init__(
        self, jobs: Jobs, slots: Slots, executions: Executions, admission: Admission, conclusion: Conclusion
    ) -> None:
        self._jobs, self._slots, self._executions = jobs, slots, executions
        self._admission, self.conclusion = admission, conclusion

    @classmethod
    def of(
        cls,
        executions: Executions,
        table: str,
        most: int,
        bus: str,
        *,
        resource: Table | None = None,
        events: EventBridgeClient | None = None,
    ) -> Self:
        """With everything that it needs.

        Args:
            executions: of the flow.
            table: name of the table of jobs.
            most: executions that may be under way at once.
            bus: name of the event bus that outcomes go to.
            resource: the table as boto3 has it, by default from the environment; so `events`.
        """
        jobs, slots = Jobs(table, resource), Slots(table, most, resource)
        admission = Admission(jobs, slots, executions)
        return cls(jobs, slots, executions, admission, Conclusion(jobs, slots, admission, bus, events))

    def ended(self, name: str) -> Repair:
        """Conclude the job of an execution that is said to have ended, whoever started it."""
        execution = self._executions.get(name) if _NAME.fullmatch(name) else None
        if execution is None or execution.is_running or execution.job is None:
            return Repair.FINE
        if execution.job.execution_name != name:
            return Repair.FINE  # started by hand under a name of its own: no attempt of that job
        self.conclusion.conclude(execution.job, execution.outcome(execution.job))
        return Repair.CONCLUDED

    def reconcile(self, in_time: Callable[[], bool]) -> Counter[Repair]:
        """Look at every job that runs or has a slot, then admit what waits, while there is time."""
        done: Counter[Repair] = Counter()
        under_way, held = frozenset(self._executions.running()), self._slots.holders()
        running = {record.job.execution_name: record for record in self._jobs.in_state("running")}
        for name in sorted(held | running.keys()):
            if not in_time():
                break
            record = running.get(name)
            as_it_should_be = record is not None and record.outcome is None and name in under_way & held
            done[Repair.FINE if as_it_should_be else self._guarded(name)] += 1
        while in_time() and self._admission.admit(in_time=in_time):
            pass
        return done

    def oldest_waiting_seconds(self) -> float:
        """For how long the job that is next has waited; 0 where none waits."""
        oldest = next(self._jobs.in_state("waiting"), None)
        return time() - oldest.submitted_at if oldest else 0.0

    def _guarded(self, name: str) -> Repair:
        try:
            return self._check(name)
        except Exception as error:  # one job that cannot be repaired must not leave the others so
            log.warning(
                "a job could not be reconciled",
                extra={"fields": {"execution": name, "error": describe(error)}},
            )
            return Repair.FAILED

    def _check(self, name: str) -> Repair:
        match = _NAME.fullmatch(name)
        record = self._jobs.get(match[1]) if match else None
        if record is None or record.job.execution_name != name or record.state == "ended":
            self._slots.give_back(name)
            return Repair.FREED
        if record.outcome is not None:
            self.conclusion.finish(record)
            return Repair.CONCLUDED
        if record.state == "waiting":
            self._admission.start(record)
        repair = self._check_execution(record)  # also of one that had started, and has ended since
        return Repair.STARTED if record.state == "waiting" and repair is Repair.FINE else repair

    def _check_execution(self, record: JobRecord) -> Repair:
        execution = self._executions.get(record.job.execution_name)
        if execution is None:
            self._executions.start(record.job)
            return Repair.STARTED
        if execution.is_running:
            self._slots.hold(record.job.execution_name)
            return Repair.FINE
        self.conclusion.conclude(record.job, execution.outcome(record.job))
        return Repair.CONCLUDED
