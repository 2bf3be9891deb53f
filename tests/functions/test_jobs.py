"""The table of jobs and the slots in it: each write holds for one attempt, and happens once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hybrid_ocr.contracts.errors import CapacityError, ErrorCode, ErrorInfo, RequestError
from hybrid_ocr.contracts.events import JobRedriven, TestRun
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.storage.jobs import KEPT_SECONDS, Jobs
from hybrid_ocr.storage.slots import Slots, Taken
from tests.functions import component
from tests.functions.memory_table import MemoryTable

NUMBERS = itertools.count(1)


@pytest.fixture(params=["moto", "memory"])
def table(request: pytest.FixtureRequest, environment: None) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryTable("job_id", "state", "submitted_at")
        return
    with mock_aws():
        component.create()
        yield boto3.resource("dynamodb").Table(component.JOBS)


@pytest.fixture
def jobs(table: Any) -> Jobs:
    return Jobs(component.JOBS, table)


@pytest.fixture
def slots(table: Any) -> Slots:
    return Slots(component.JOBS, 2, table)


def a_job(attempt: int = 1, **changes: object) -> Job:
    return component.job(next(NUMBERS)).model_copy(update={"attempt": attempt, **changes})


def failed(job: Job, message: str = "broken") -> Outcome:
    return Outcome.failed(job, ErrorInfo(code=ErrorCode.INTERNAL, message=message, retryable=False))


def ended(jobs: Jobs) -> Job:
    """A job whose first attempt is over."""
    job = a_job()
    jobs.submit(job)
    jobs.record(job, failed(job))
    jobs.end(job)
    return job


def test_a_job_is_known_once(jobs: Jobs) -> None:
    job = a_job(version_id="v", test=TestRun(id="t"))
    record = jobs.submit(job)
    assert record is not None
    assert record == jobs.get(job.job_id)
    assert (record.job, record.state, record.outcome) == (job, "waiting", None)
    assert jobs.submit(job) is None
    assert jobs.get("0" * 32) is None


def test_those_that_wait_come_in_their_order(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(1_000)
    monkeypatch.setattr("hybrid_ocr.storage.jobs.time", lambda: float(next(moments)))
    submitted = [a_job() for _ in range(250)]
    for job in submitted:
        jobs.submit(job)
    jobs.mark_running(submitted[0])
    assert [record.job for record in jobs.in_state("waiting")] == submitted[1:]
    assert [record.job for record in jobs.in_state("running")] == submitted[:1]


def test_a_job_that_another_version_wrote_keeps_no_other_from_starting(jobs: Jobs, table: Any) -> None:
    unreadable, good = a_job(), a_job()
    jobs.submit(unreadable)
    jobs.submit(good)
    table.update_item(
        Key={"job_id": unreadable.job_id},
        UpdateExpression="SET job = :job",
        ExpressionAttributeValues={":job": '{"schema_version": "9.0"}'},
    )
    assert [record.job for record in jobs.in_state("waiting")] == [good]
    with pytest.raises(ValueError, match="no record of a job"):
        jobs.get(unreadable.job_id)


def test_a_job_is_started_once(jobs: Jobs) -> None:
    job = a_job()
    jobs.submit(job)
    assert jobs.mark_running(job)
    assert not jobs.mark_running(job)
    record = jobs.get(job.job_id)
    assert record is not None
    assert record.started_at is not None
    assert record.started_at >= record.submitted_at


def test_the_first_outcome_stays_and_is_known_for_as_long_as_its_result(jobs: Jobs, table: Any) -> None:
    job = a_job()
    jobs.submit(job)
    jobs.mark_running(job)
    assert not jobs.end(job), "nothing is known yet of how it ended"
    assert jobs.record(job, failed(job, "first")).outcome == failed(job, "first")
    record = jobs.record(job, failed(job, "second"))
    assert (record.state, record.outcome) == ("running", failed(job, "first"))
    assert jobs.end(job)
    assert not jobs.end(job)
    record = jobs.get(job.job_id)
    assert record is not None
    assert (record.state, record.outcome) == ("ended", failed(job, "first"))
    item = table.get_item(Key={"job_id": job.job_id})["Item"]
    assert abs(float(item["expires_at"] - item["ended_at"]) - KEPT_SECONDS) < 1
    assert (item["reason"], item["detail_type"], item["verdict"]) == ("INTERNAL", "DocumentFailed", None)
    assert (item["source_bucket"], item["source_key"]) == (component.INBOX, "inbox/a.pdf")


def test_an_execution_that_somebody_started_by_hand_is_noted_at_its_end(jobs: Jobs) -> None:
    job = a_job()
    record = jobs.record(job, failed(job))
    assert (record.job, record.state, record.outcome) == (job, "running", failed(job))
    assert jobs.end(job)
    later = job.model_copy(update={"attempt": 2})
    assert jobs.record(later, failed(later)).job == later
    with pytest.raises(CapacityError, match="another attempt"):
        jobs.record(job.model_copy(update={"attempt": 3}), failed(job))


def test_the_next_attempt_follows_the_one_that_has_ended(jobs: Jobs, table: Any) -> None:
    job = ended(jobs)
    record = jobs.submit_again(JobRedriven(job_id=job.job_id, attempt=2))
    assert record is not None
    assert (record.state, record.outcome, record.ended_at) == ("waiting", None, None)
    assert record == jobs.get(job.job_id)
    assert record.job == job.model_copy(update={"attempt": 2})
    assert "expires_at" not in table.get_item(Key={"job_id": job.job_id})["Item"]
    assert jobs.submit_again(JobRedriven(job_id=job.job_id, attempt=2)) is None


def test_of_the_first_attempt_nothing_changes_the_second(jobs: Jobs) -> None:
    job = ended(jobs)
    jobs.submit_again(JobRedriven(job_id=job.job_id, attempt=2))
    assert not jobs.mark_running(job)
    assert jobs.record(job, failed(job)).job.attempt == 2
    assert not jobs.end(job)
    record = jobs.get(job.job_id)
    assert record is not None
    assert (record.state, record.outcome) == ("waiting", None)


@pytest.mark.parametrize("attempt", [2, 3])
def test_a_job_that_runs_is_not_done_again(jobs: Jobs, attempt: int) -> None:
    job = a_job()
    jobs.submit(job)
    with pytest.raises(RequestError, match="cannot follow attempt 1, which is waiting"):
        jobs.submit_again(JobRedriven(job_id=job.job_id, attempt=attempt))


def test_a_job_that_never_was_is_not_done_again(jobs: Jobs) -> None:
    with pytest.raises(RequestError) as refused:
        jobs.submit_again(JobRedriven(job_id="f" * 32, attempt=2))
    assert refused.value.code is ErrorCode.SOURCE_NOT_FOUND


def test_no_more_slots_are_taken_than_there_are(slots: Slots) -> None:
    assert [slots.take(name) for name in ("a", "a", "b", "c", "b")] == [
        Taken.TAKEN,
        Taken.HELD,
        Taken.TAKEN,
        Taken.FULL,
        Taken.HELD,
    ]
    assert slots.holders() == {"a", "b"}


def test_a_slot_is_given_back_once(slots: Slots) -> None:
    slots.give_back("nobody's")
    slots.take("a")
    for _ in range(2):
        slots.give_back("a")
    assert slots.holders() == frozenset()
    assert slots.take("b") is slots.take("c") is Taken.TAKEN
    assert slots.take("d") is Taken.FULL


def test_what_runs_without_a_slot_is_counted(slots: Slots) -> None:
    slots.take("a")
    slots.take("b")
    slots.hold("c")
    slots.give_back("a")
    assert slots.holders() == {"b", "c"}
    assert slots.take("d") is Taken.FULL


def test_callers_at_once_share_the_slots() -> None:
    slots = Slots("any", 5, MemoryTable("job_id", "state", "submitted_at"))  # type: ignore[arg-type]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(slots.take, map(str, range(40))))
    assert taken.count(Taken.TAKEN) == 5
    assert len(slots.holders()) == 5
