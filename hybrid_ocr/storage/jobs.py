"""The table of jobs in DynamoDB: one item a job, that of its latest attempt.

An item goes from `waiting` to `running` to `ended`, and with its next attempt from `ended` to `waiting`
again. Every write holds for one attempt alone, so whoever comes late or twice changes nothing. A job whose
outcome is recorded stays `running` until its event has been published: so the index of running jobs has
everything that may have to be repaired. Times are seconds since 1970, to the millisecond.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from time import time
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.errors import CapacityError, ErrorCode, RequestError
from hybrid_ocr.contracts.events import JobRedriven
from hybrid_ocr.contracts.job_records import BY_STATE, PREFIX_LENGTH, JobRecord, JobState
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.contracts.keys import split_uri
from hybrid_ocr.storage.faults import CONFIG, is_condition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

log = logging.getLogger(__name__)

KEPT_SECONDS: Final = 365 * 86_400
"""How long a job is known after its end: as long as its result is kept."""

_PAGE: Final = 25
"""Jobs that are read at once; who admits rarely needs more than the first."""
_RECORD: Final = (
    "SET #state = :running, outcome = :outcome, detail_type = :detail_type, verdict = :verdict, "
    "reason = :reason, submitted_at = if_not_exists(submitted_at, :now)"
)
_AGAIN: Final = "SET #state = :waiting, submitted_at = :now"
_OF_THE_END: Final = ("started_at", "ended_at", "expires_at", "outcome", "detail_type", "verdict", "reason")


class Jobs:
    """The jobs of a deployment.

    Args:
        name: of the table.
        table: a resource of boto3; by default one from the environment.
    """

    def __init__(self, name: str, table: Table | None = None) -> None:
        self._table: Table = table or boto3.resource("dynamodb", config=CONFIG).Table(name)

    def submit(self, job: Job) -> JobRecord | None:
        """Let a job wait for a slot; None: it is known already."""
        record = JobRecord(job=job, state="waiting", submitted_at=round(time(), 3))
        item: dict[str, Any] = {
            "job_id": job.job_id,
            "state": record.state,
            "submitted_at": _decimal(record.submitted_at),
            **_facts(job),
        }
        try:
            self._table.put_item(Item=item, ConditionExpression=Attr("job_id").not_exists())
        except ClientError as error:
            if is_condition(error):
                return None
            raise
        return record

    def submit_again(self, asked: JobRedriven) -> JobRecord | None:
        """Let a job that has ended wait for a slot in its next attempt; None: it has that attempt already.

        Raises:
            RequestError: there is no such job (SOURCE_NOT_FOUND), or it cannot have this attempt now.
        """
        last = self.get(asked.job_id)
        if last is None:
            raise RequestError(f"there is no job {asked.job_id}", code=ErrorCode.SOURCE_NOT_FOUND)
        if last.job.attempt >= asked.attempt:
            return None
        if last.state != "ended" or last.job.attempt != asked.attempt - 1:
            raise RequestError(
                f"attempt {asked.attempt} of job {asked.job_id} cannot follow attempt {last.job.attempt}, "
                f"which is {last.state}"
            )
        job = last.job.model_copy(update={"attempt": asked.attempt})
        record = JobRecord(job=job, state="waiting", submitted_at=round(time(), 3))
        made = self._update(
            job,
            Attr("attempt").eq(last.job.attempt) & Attr("state").eq("ended"),
            f"{_AGAIN}, {_set(_facts(job))} REMOVE {', '.join(_OF_THE_END)}",
            {":waiting": "waiting", ":now": _decimal(record.submitted_at), **_values(_facts(job))},
        )
        return record if made else None

    def mark_running(self, job: Job) -> bool:
        """Note that the execution of a waiting job was started; False: it waits no more."""
        return self._update(
            job,
            Attr("attempt").eq(job.attempt) & Attr("state").eq("waiting"),
            "SET #state = :running, started_at = :now",
            {":running": "running", ":now": _decimal(time())},
        )

    def record(self, job: Job, outcome: Outcome) -> JobRecord:
        """Note how a job ended, unless that is known already; the job as it is now.

        One that nobody submitted, because somebody started its execution by hand, is noted, too.

        Raises:
            CapacityError: another attempt of the job is under way.
        """
        event, facts = outcome.event, _facts(job)
        first = Attr("attempt").eq(job.attempt) & Attr("outcome").not_exists()
        later = Attr("attempt").lt(job.attempt) & Attr("state").eq("ended")
        self._update(
            job,
            Attr("job_id").not_exists() | first | later,
            f"{_RECORD}, {_set(facts)}",
            {
                ":running": "running",
                ":outcome": outcome.model_dump_json(),
                ":detail_type": outcome.detail_type,
                ":verdict": getattr(event, "verdict", None),
                ":reason": error.code.value if (error := getattr(event, "error", None)) else None,
                ":now": _decimal(time()),
                **_values(facts),
            },
        )
        record = self.get(job.job_id)
        if record is None or record.job.attempt < job.attempt:
            raise CapacityError(f"another attempt of job {job.job_id} is under way")
        return record

    def end(self, job: Job) -> bool:
        """Note that the outcome of a job was published; False: it was noted before."""
        now = time()
        return self._update(
            job,
            Attr("attempt").eq(job.attempt) & Attr("state").eq("running") & Attr("outcome").exists(),
            "SET #state = :ended, ended_at = :now, expires_at = :expires",
            {":ended": "ended", ":now": _decimal(now), ":expires": int(now) + KEPT_SECONDS},
        )

    def get(self, job_id: str) -> JobRecord | None:
        """A job as the last write left it; None where there is none."""
        item = self._table.get_item(Key={"job_id": job_id}, ConsistentRead=True).get("Item")
        return JobRecord.of(item) if item else None

    def in_state(self, state: JobState) -> Iterator[JobRecord]:
        """The jobs in a state, those first that were submitted first, page by page.

        The index lags: a job may have left the state already, and the newest may be missing.
        """
        start: dict[str, Any] = {}
        while True:
            answer = self._table.query(
                IndexName=BY_STATE, KeyConditionExpression=Key("state").eq(state), Limit=_PAGE, **start
            )
            yield from _readable(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _update(self, job: Job, only: ConditionBase, expression: str, values: Mapping[str, Any]) -> bool:
        try:
            self._table.update_item(
                Key={"job_id": job.job_id},
                UpdateExpression=expression,
                ConditionExpression=only,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=dict(values),
            )
        except ClientError as error:
            if is_condition(error):
                return False
            raise
        return True


def _readable(items: Iterable[Mapping[str, Any]]) -> Iterator[JobRecord]:
    """The records among items: one that another version has written must not keep all jobs from starting."""
    for item in items:
        try:
            yield JobRecord.of(item)
        except ValueError as error:
            log.warning(
                "a job cannot be read", extra={"fields": {"job_id": item["job_id"], "why": str(error)}}
            )


def _facts(job: Job) -> dict[str, Any]:
    """What an item says of a job and its attempt; people, not code, read what its JSON says, too."""
    bucket, key = split_uri(job.source)
    return {
        "prefix": job.job_id[:PREFIX_LENGTH],
        "attempt": job.attempt,
        "execution": job.execution_name,
        "job": job.model_dump_json(),
        "source_bucket": bucket,
        "source_key": key,
        "source_version": job.version_id,
        "test_id": job.test.id if job.test else None,
    }


def _set(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = :{name}" for name in facts)


def _values(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {f":{name}": value for name, value in facts.items()}


def _decimal(seconds: float) -> Decimal:
    return Decimal(f"{seconds:.3f}")
