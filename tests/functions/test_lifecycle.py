"""From waiting to the end: whatever dies in between, whoever comes twice, no job is lost and none doubled."""

from __future__ import annotations

import contextlib
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hybrid_ocr.contracts.errors import CapacityError, ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import DocumentCompleted, DocumentFailed, JobRedriven, PageCounts
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.reconciliation import Reconciliation
from tests.functions import component
from tests.functions.fakes import Clock
from tests.functions.memory_table import MemoryTable

MOST: Final = 2
STEPS: Final = ("put_item", "update_item", "start_execution", "put_events")
"""Calls that change something: a function may die before or after each of them."""


class CrashError(BaseException):
    """The function died here; nothing of ours catches it."""


@dataclass
class Crashes:
    """Lets the caller die at one of its next steps."""

    steps_left: int | None = None
    after: bool = False

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            dies = self.steps_left == 0
            if self.steps_left is not None:
                self.steps_left -= 1
            if dies and not self.after:
                raise CrashError
            done = step(*args, **named)
            if dies:
                raise CrashError
            return done

        return call


@dataclass
class StepFunctions:
    """Executions by name, as Step Functions keeps them: a name is used once."""

    inputs: dict[str, str] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)
    refuses: bool = False

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: A002, N803 - boto3
        if self.refuses:
            raise ClientError(
                {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}},  # type: ignore[typeddict-item]
                "StartExecution",
            )
        if name in self.status and self.status[name] != "RUNNING":
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.starts[name] += name not in self.status
        self.inputs[name], self.status[name] = input, "RUNNING"

    def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803
        name = executionArn.rpartition(":")[2]
        if name not in self.status:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": self.status[name], "input": self.inputs[name]}

    def get_paginator(self, _: str) -> StepFunctions:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        yield {"executions": [{"name": name} for name in self.running]}

    @property
    def running(self) -> list[str]:
        return [name for name, status in self.status.items() if status == "RUNNING"]


@dataclass
class Bus:
    """Every event that was published."""

    events: list[tuple[str, int, str]] = field(default_factory=list)
    refuses: bool = False

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        if self.refuses:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        [entry] = Entries
        kind = DocumentFailed if entry["DetailType"] == "DocumentFailed" else DocumentCompleted
        event = kind.model_validate_json(entry["Detail"])
        self.events.append((event.job_id, event.attempt, entry["Detail"]))
        return {"FailedEntryCount": 0}


class Deployment:
    """The real code of admission, conclusion and reconciliation over services in memory.

    Args:
        most: executions at once.
    """

    def __init__(self, most: int = MOST) -> None:
        self.crashes = Crashes()
        self.table = MemoryTable("job_id", "state", "submitted_at")
        self.flow, self.bus = StepFunctions(), Bus()
        for service in (self.table, self.flow, self.bus):
            for step in set(STEPS) & set(dir(service)):
                setattr(service, step, self.crashes.around(getattr(service, step)))
        table: Any = self.table
        flow: Any = self.flow
        bus: Any = self.bus
        executions = Executions(component.MACHINE, flow)
        self.reconciliation = Reconciliation.of(
            executions, component.JOBS, most, component.BUS, resource=table, events=bus
        )
        self.jobs, self.slots = self.reconciliation._jobs, self.reconciliation._slots
        self.admission, self.conclusion = self.reconciliation._admission, self.reconciliation.conclusion

    def submit(self, job: Job) -> None:
        """What intake does for a new document."""
        record = self.jobs.submit(job)
        self.admission.admit(*filter(None, [record]))

    def finish(self, name: str) -> None:
        """What the flow does at the end of an execution."""
        job = Job.model_validate_json(self.flow.inputs[name])
        self.conclusion.conclude(job, read(job))
        self.flow.status[name] = "SUCCEEDED"

    def sweep(self) -> Counter[Any]:
        """One reconciliation."""
        return self.reconciliation.reconcile(lambda: True)

    def under_way(self) -> set[str]:
        """The executions that run and have not told how they end; after that comes no work any more."""
        records = [self.jobs.get(name.rpartition("-")[0]) for name in self.flow.running]
        silent = {r.job.execution_name for r in records if r and r.outcome is None}
        return silent & set(self.flow.running)

    def heard(self) -> dict[tuple[str, int], set[str]]:
        """The different events of each attempt."""
        told: dict[tuple[str, int], set[str]] = {}
        for job_id, attempt, detail in self.bus.events:
            told.setdefault((job_id, attempt), set()).add(detail)
        return told


def a_job(number: int) -> Job:
    return component.job(number)


def read(job: Job) -> Outcome:
    return Outcome.of(
        DocumentCompleted(
            job_id=job.job_id,
            attempt=job.attempt,
            source=job.source,
            verdict="accept",
            result="s3://results/result.json",
            counts=PageCounts(expected=1, read=1, failed=0),
        )
    )


def stopped(job: Job) -> Outcome:
    error = ErrorInfo(code=ErrorCode.INTERNAL, message="the execution was stopped by hand", retryable=True)
    return Outcome.failed(job, error)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_more_than_there_are_slots_for_wait_and_start_in_their_order(deployment: Deployment) -> None:
    jobs = [a_job(number) for number in range(5)]
    for job in jobs:
        deployment.submit(job)
    names = [job.execution_name for job in jobs]
    assert deployment.flow.running == names[:2]
    for done, name in enumerate(names, 1):
        deployment.finish(name)
        assert deployment.flow.running == names[done : done + 2]
    assert deployment.slots.holders() == frozenset()
    assert [(job_id, attempt) for job_id, attempt, _ in deployment.bus.events] == [
        (j.job_id, 1) for j in jobs
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(3))
def test_an_admission_that_dies_is_taken_up_by_the_sweep(
    deployment: Deployment, step: int, after: bool
) -> None:
    """Its steps: take a slot, start the execution, note it; one more came before them, the job itself."""
    deployment.crashes.steps_left, deployment.crashes.after = 1 + step, after
    with pytest.raises(CrashError):
        deployment.submit(a_job(1))
    deployment.sweep()
    name = a_job(1).execution_name
    assert deployment.flow.starts == {name: 1}
    assert deployment.slots.holders() == {name}
    record = deployment.jobs.get(a_job(1).job_id)
    assert record is not None
    assert record.state == "running"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(7))
def test_a_conclusion_that_dies_is_taken_up_by_the_sweep(
    deployment: Deployment, step: int, after: bool
) -> None:
    """Its steps: record, publish, note that, free the slot, then the three of the next job's admission."""
    first, second = a_job(1), a_job(2)
    for job in (first, second, a_job(3)):
        deployment.submit(job)
    deployment.crashes.steps_left, deployment.crashes.after = step, after
    with pytest.raises(CrashError):
        deployment.finish(first.execution_name)
    deployment.flow.status[first.execution_name] = "FAILED"  # its last task never answered
    deployment.sweep()
    told = deployment.heard()
    assert list(told) == [(first.job_id, 1)]
    assert all(len(details) == 1 for details in told.values()), "no second outcome"
    assert sum(job_id == first.job_id for job_id, _, _ in deployment.bus.events) <= 2
    assert set(deployment.flow.running) == deployment.slots.holders()
    assert set(deployment.flow.running) == {second.execution_name, a_job(3).execution_name}
    deployment.sweep()
    assert deployment.heard() == told


@pytest.mark.parametrize(
    ("status", "code"),
    [("ABORTED", ErrorCode.INTERNAL), ("TIMED_OUT", ErrorCode.STAGE_TIMEOUT), ("FAILED", ErrorCode.INTERNAL)],
)
@pytest.mark.parametrize("told", [False, True], ids=["nobody tells", "an event tells"])
def test_an_execution_that_breaks_off_publishes_too(
    deployment: Deployment, status: str, code: ErrorCode, told: bool
) -> None:
    for number in range(3):
        deployment.submit(a_job(number))
    name = a_job(0).execution_name
    deployment.flow.status[name] = status
    if told:
        deployment.reconciliation.ended(name)
    deployment.sweep()
    [(job_id, attempt, detail)] = deployment.bus.events
    assert (job_id, attempt) == (a_job(0).job_id, 1)
    assert DocumentFailed.model_validate_json(detail).error.code is code
    assert deployment.slots.holders() == {a_job(1).execution_name, a_job(2).execution_name}


def test_the_outcome_that_came_first_is_the_one(deployment: Deployment) -> None:
    job = a_job(1)
    deployment.submit(job)
    assert deployment.conclusion.conclude(job, stopped(job)) == stopped(job)
    assert deployment.conclusion.conclude(job, read(job)) == stopped(job)
    assert len(deployment.bus.events) == 1


def test_an_event_that_the_bus_refuses_is_published_by_the_sweep(deployment: Deployment) -> None:
    job = a_job(1)
    deployment.submit(job)
    deployment.bus.refuses = True
    with pytest.raises(CapacityError, match="the bus took no event: ThrottlingException"):
        deployment.finish(job.execution_name)
    deployment.sweep()
    assert deployment.slots.holders() == {job.execution_name}, "nobody has heard of its end"
    deployment.bus.refuses = False
    deployment.sweep()
    assert len(deployment.bus.events) == 1
    assert deployment.slots.holders() == frozenset()


def test_a_job_that_cannot_start_now_waits_without_a_slot(deployment: Deployment) -> None:
    deployment.flow.refuses = True
    with pytest.raises(ClientError):
        deployment.submit(a_job(1))
    record = deployment.jobs.get(a_job(1).job_id)
    assert record is not None
    assert record.state == "waiting"
    assert deployment.slots.holders() == frozenset()
    deployment.flow.refuses = False
    deployment.sweep()
    assert deployment.flow.running == [a_job(1).execution_name]


def test_an_execution_that_was_started_by_hand_ends_with_an_event(deployment: Deployment) -> None:
    job = a_job(1)
    deployment.flow.start_execution("", job.execution_name, job.model_dump_json())
    deployment.flow.start_execution("", "by-hand", '{"no": "job"}')
    for name in deployment.flow.running:
        deployment.flow.status[name] = "ABORTED"
        deployment.reconciliation.ended(name)
    assert [(job_id, attempt) for job_id, attempt, _ in deployment.bus.events] == [(job.job_id, 1)]


def test_any_order_of_ends_crashes_stops_and_sweeps_keeps_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more run than there are slots, none twice; after a sweep a slot is held by what runs alone."""

    clock = Clock()
    monkeypatch.setattr("hybrid_ocr.storage.jobs.time", clock)

    class Lives(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            clock.now = 0.0
            self.deployment = Deployment()
            self.submitted: dict[str, int] = {}
            self.ended: set[str] = set()

        @contextlib.contextmanager
        def _dying(self, steps: int | None, after: bool) -> Iterator[None]:
            crashes = self.deployment.crashes
            crashes.steps_left, crashes.after = steps, after
            with contextlib.suppress(CrashError, CapacityError):
                yield
            crashes.steps_left = None

        @rule(number=st.integers(0, 5), steps=CRASH, after=st.booleans())
        def a_document_comes_once_or_again(self, number: int, steps: int | None, after: bool) -> None:
            job = a_job(number)
            with self._dying(steps, after):
                self.deployment.submit(job)
            if self.deployment.jobs.get(job.job_id):  # else its message comes back, some day
                self.submitted.setdefault(job.job_id, 1)

        @precondition(lambda self: self.deployment.flow.running)
        @rule(data=st.data(), steps=CRASH, after=st.booleans())
        def an_execution_comes_to_its_end(self, data: st.DataObject, steps: int | None, after: bool) -> None:
            name = data.draw(st.sampled_from(self.deployment.flow.running))
            with self._dying(steps, after):
                self.deployment.finish(name)

        @precondition(lambda self: self.deployment.flow.running)
        @rule(data=st.data(), status=st.sampled_from(["ABORTED", "TIMED_OUT", "FAILED"]))
        def an_execution_breaks_off(self, data: st.DataObject, status: str) -> None:
            self.deployment.flow.status[data.draw(st.sampled_from(self.deployment.flow.running))] = status

        @precondition(lambda self: self.deployment.flow.status)
        @rule(data=st.data(), steps=CRASH, after=st.booleans())
        def an_event_tells_of_a_status(self, data: st.DataObject, steps: int | None, after: bool) -> None:
            name = data.draw(st.sampled_from(sorted(self.deployment.flow.status)))
            with self._dying(steps, after):
                self.deployment.reconciliation.ended(name)

        @precondition(lambda self: self.deployment.flow.status)
        @rule(data=st.data())
        def a_conclusion_is_delivered_again(self, data: st.DataObject) -> None:
            names = [n for n, status in self.deployment.flow.status.items() if status == "SUCCEEDED"]
            if names:
                job = Job.model_validate_json(self.deployment.flow.inputs[data.draw(st.sampled_from(names))])
                self.deployment.conclusion.conclude(job, read(job))

        @precondition(lambda self: self.submitted)
        @rule(data=st.data())
        def somebody_asks_for_the_next_attempt(self, data: st.DataObject) -> None:
            job_id = data.draw(st.sampled_from(sorted(self.submitted)))
            record = self.deployment.jobs.get(job_id)
            if record is not None and record.state == "ended":
                asked = JobRedriven(job_id=job_id, attempt=record.job.attempt + 1)
                again = self.deployment.jobs.submit_again(asked)
                assert again is not None
                self.submitted[job_id] = asked.attempt
                self.deployment.admission.admit(again)

        @precondition(lambda self: self.submitted)
        @rule(data=st.data())
        def an_old_look_at_the_index_admits(self, data: st.DataObject) -> None:
            """Of a job that left the state of waiting long ago, or is leaving it now."""
            record = self.deployment.jobs.get(data.draw(st.sampled_from(sorted(self.submitted))))
            assert record is not None
            stale = record.model_copy(update={"state": "waiting", "outcome": None})
            self.deployment.admission.admit(stale)

        @rule(steps=CRASH, after=st.booleans())
        def the_sweep_comes(self, steps: int | None, after: bool) -> None:
            with self._dying(steps, after):
                self.deployment.sweep()

        @invariant()
        def the_law(self) -> None:
            deployment = self.deployment
            assert len(deployment.under_way()) <= MOST
            assert len(deployment.slots.holders()) <= MOST
            assert all(times == 1 for times in deployment.flow.starts.values())
            assert all(len(details) == 1 for details in deployment.heard().values())

        def teardown(self) -> None:
            """Everything that was submitted comes to its end, and to one event for each attempt."""
            deployment = self.deployment
            deployment.sweep()
            assert deployment.under_way() == deployment.slots.holders()
            while under_way := deployment.under_way():
                deployment.finish(min(under_way))
                assert deployment.under_way() == deployment.slots.holders()
            assert deployment.slots.holders() == frozenset()
            wanted = {
                (job_id, attempt) for job_id, last in self.submitted.items() for attempt in range(1, last + 1)
            }
            assert set(deployment.heard()) == wanted

    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


CRASH: Final = st.one_of(st.none(), st.integers(0, 9))


def test_twenty_thousand_documents_at_once_are_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nightly batch: the real admission over executions that take a while, without any sweep."""
    count, most, chance = 20_000, 336, random.Random(7)
    now = 1_000_000.0
    for module in ("jobs", "reconciliation"):
        monkeypatch.setattr(f"hybrid_ocr.storage.{module}.time", lambda: now)
    deployment = Deployment(most)
    ends: list[tuple[float, str]] = []
    known: set[str] = set()

    def note_starts() -> None:
        for name in deployment.flow.status.keys() - known:
            known.add(name)
            heapq.heappush(ends, (now + chance.uniform(5.0, 120.0), name))

    for number in range(count):
        deployment.submit(a_job(number))
    note_starts()
    while ends:
        now, name = heapq.heappop(ends)
        deployment.finish(name)
        note_starts()
        assert len(deployment.slots.holders()) <= most
    assert len(deployment.heard()) == len(deployment.bus.events) == count
    assert deployment.slots.holders() == frozenset()
    assert now - 1_000_000.0 < 1.2 * count * 62.5 / most, "as long as its slots need, none of them idle"
