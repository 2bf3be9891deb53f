"""Admission: waiting jobs start, those first that were submitted first, while slots are free.

Whoever has let a job wait or given back a slot admits. A slot is taken before its execution is started, so
that never more run than there are slots; what dies in between leaves a slot whose job still waits, and the
sweep starts that job again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Final

from botocore.exceptions import ClientError

from hybrid_ocr.contracts.job_records import JobRecord
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.slots import Slots, Taken

MOST_AT_ONCE: Final = 25
"""Jobs that one caller admits: who comes next goes on."""


class Admission:
    """Admits jobs.

    Args:
        jobs: the table.
        slots: how many may run at once, and which do.
        executions: starts them.
    """

    def __init__(self, jobs: Jobs, slots: Slots, executions: Executions) -> None:
        self._jobs, self._slots, self._executions = jobs, slots, executions

    def admit(self, *new: JobRecord, in_time: Callable[[], bool] = lambda: True) -> int:
        """Start waiting jobs, at most 25.

        Args:
            new: jobs that were submitted just now: the index may not show them yet.
            in_time: whether there is time for another.

        Returns:
            how many were started.

        Raises:
            ClientError: AWS did not do its part; what was not started waits on.
        """
        admitted = 0
        for record in chain(self._jobs.in_state("waiting"), new):
            if admitted == MOST_AT_ONCE or not in_time():
                break
            taken = self._slots.take(record.job.execution_name)
            if taken is Taken.FULL:
                break
            if taken is Taken.TAKEN:
                self.start(record)
                admitted += 1
        return admitted

    def start(self, record: JobRecord) -> None:
        """Start a waiting job that holds a slot, once or again.

        Raises:
            ClientError: Step Functions does not start it; where it surely did not, the slot is free again.
        """
        name = record.job.execution_name
        try:
            self._executions.start(record.job)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500:
                self._slots.give_back(name)
            raise
        if not self._jobs.mark_running(record.job) and not self._is_running(record):
            self._slots.give_back(name)  # an old look at the index: that execution ran long ago

    def _is_running(self, record: JobRecord) -> bool:
        now = self._jobs.get(record.job.job_id)
        return now is not None and now.job.attempt == record.job.attempt and now.state == "running"
