"""What the table of jobs holds: one record a job, that of its latest attempt.

`waiting`: it has no slot yet. `running`: its execution is under way, or has ended and nobody has been told.
`ended`: its outcome was published. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, Self, get_args

from pydantic import ValidationError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.events import DocumentCompleted, DocumentFailed, DocumentNeedsReview
from hybrid_ocr.contracts.jobs import Job, Outcome

JobState = Literal["waiting", "running", "ended"]

STATES: Final[tuple[JobState, ...]] = get_args(JobState)
TABLE: Final = "jobs"
BY_STATE: Final = "state"
"""The index of the jobs in a state, by the time they were submitted."""
BY_PREFIX: Final = "prefix"
"""The index of the jobs whose ids begin alike."""
PREFIX_LENGTH: Final = 6
"""Characters of an id that the index of prefixes has."""


class JobRecord(Message):
    """How the latest attempt of a job stands.

    Args:
        job: what its execution was, or will be, started with.
        state: see the module.
        submitted_at: when this attempt was asked for.
        started_at: when its execution was started.
        ended_at: when its outcome was published.
        outcome: how it ended; None while nobody knows.
    """

    job: Job
    state: JobState
    submitted_at: float
    started_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None

    @property
    def event(self) -> DocumentCompleted | DocumentNeedsReview | DocumentFailed | None:
        """The event of its end; None while there is none."""
        return self.outcome.event if self.outcome else None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Self:
        """The record that an item of the table is, its numbers as boto3 gives them.

        Raises:
            ValueError: the item is no job of ours.
        """
        try:
            outcome = item.get("outcome")
            return cls(
                job=Job.model_validate_json(str(item["job"])),
                state=item["state"],
                outcome=Outcome.model_validate_json(outcome) if outcome else None,
                **{name: _seconds(item.get(name)) for name in ("submitted_at", "started_at", "ended_at")},
            )
        except (KeyError, ValidationError) as error:
            raise ValueError(f"no record of a job ({type(error).__name__})") from None


def _seconds(value: Decimal | None) -> Any:  # noqa: ANN401 - the model checks it
    return None if value is None else float(value)
