"""The handlers that end a job, as Lambda calls them: by the flow, by an event, by the sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from hybrid_ocr.contracts.events import DocumentCompleted, DocumentFailed, PageCounts, TestRun
from hybrid_ocr.contracts.jobs import ConclusionTask, Job, Outcome
from hybrid_ocr.storage.executions import Executions
from hybrid_ocr.storage.jobs import Jobs
from hybrid_ocr.storage.slots import Slots
from tests.functions.component import JOBS, MACHINE, MOST, Component, job
from tests.functions.conftest import Call


@pytest.fixture
def conclude(load: Callable[[str], Call]) -> Call:
    return load("conclude")


def started(number: int = 1, **changes: object) -> Job:
    """A job under way."""
    asked = job(number).model_copy(update=changes)
    Jobs(JOBS).submit(asked)
    Slots(JOBS, MOST).take(asked.execution_name)
    Executions(MACHINE).start(asked)
    Jobs(JOBS).mark_running(asked)
    return asked


def task(asked: Job, **told: Any) -> dict[str, Any]:
    return ConclusionTask.model_validate({"job": asked, **told}).model_dump(mode="json")


def completed(asked: Job) -> Outcome:
    return Outcome.of(
        DocumentCompleted(
            job_id=asked.job_id,
            source=asked.source,
            verdict="accept",
            result="s3://results/result.json",
            counts=PageCounts(expected=1, read=1, failed=0),
        )
    )


def status_change(name: str, status: str = "ABORTED") -> dict[str, Any]:
    """An event of Step Functions, in the part that counts."""
    detail = {"name": name, "status": status, "stateMachineArn": MACHINE, "input": "{}", "output": None}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def stop(asked: Job) -> None:
    client = boto3.client("stepfunctions")
    [arn] = [
        one["executionArn"]
        for one in client.list_executions(stateMachineArn=MACHINE)["executions"]
        if one["name"] == asked.execution_name
    ]
    client.stop_execution(executionArn=arn)


def test_an_outcome_is_published_once_and_the_next_job_starts(component: Component, conclude: Call) -> None:
    first, *_ = [started(number) for number in range(1, MOST + 1)]
    Jobs(JOBS).submit(job(9))
    for _ in range(2):
        assert conclude(task(first, outcome=completed(first))) == completed(first).model_dump(mode="json")
    [event] = component.events()
    assert (event["detail-type"], event["detail"]["job_id"]) == ("DocumentCompleted", first.job_id)
    assert event["detail"]["attempt"] == 1
    assert job(9).execution_name in {execution["name"] for execution in component.executions()}
    assert component.states() == Counter(running=MOST, ended=1)
    assert len(Slots(JOBS, MOST).holders()) == MOST


def test_a_flow_that_broke_fails_its_document(component: Component, conclude: Call) -> None:
    asked = started(test=TestRun(id="nightly"))
    answer = conclude(task(asked, failure="States.DataLimitExceeded"))
    assert answer is not None
    [event] = component.events()
    assert (event["source"], event["detail-type"]) == ("hybrid-ocr.test", "DocumentFailed")
    failed = DocumentFailed.model_validate(event["detail"])
    assert "States.DataLimitExceeded" in failed.error.message
    assert asked.execution_name in failed.error.message
    assert answer["detail"] == event["detail"]


def test_an_event_of_a_stopped_execution_ends_its_job(component: Component, conclude: Call) -> None:
    asked = started()
    conclude(status_change(asked.execution_name))
    assert component.events() == [], "it still runs, whatever an event says"
    stop(asked)
    for _ in range(2):
        conclude(status_change(asked.execution_name))
    [event] = component.events()
    assert "stopped by hand" in event["detail"]["error"]["message"]
    assert Slots(JOBS, MOST).holders() == frozenset()


def test_an_event_of_somebody_elses_execution_ends_nothing(component: Component, conclude: Call) -> None:
    client = boto3.client("stepfunctions")
    started = client.start_execution(stateMachineArn=MACHINE, name="by-hand", input="{}")
    client.stop_execution(executionArn=started["executionArn"])
    for name in ("by-hand", "../" * 3, job(7).execution_name):
        conclude(status_change(name))
    assert component.events() == []
    assert component.states() == Counter()


def test_what_nobody_told_the_sweep_finds(component: Component, load: Callable[[str], Call]) -> None:
    asked = [started(number) for number in range(1, MOST + 1)]
    Jobs(JOBS).submit(job(9))
    stop(asked[0])
    sweep = load("sweep")
    for _ in range(2):
        sweep({})
    [event] = component.events()
    assert event["detail"]["job_id"] == asked[0].job_id
    assert component.states() == Counter(running=MOST, ended=1)
    assert Slots(JOBS, MOST).holders() == {job(9).execution_name, *(a.execution_name for a in asked[1:])}


def test_a_sweep_settles_tickets_whatever_is_wrong_with_the_jobs(
    component: Component, load: Callable[[str], Call], capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("dynamodb").delete_table(TableName=JOBS)
    load("sweep")({})
    told = capsys.readouterr().out
    assert '"JobsUnrepaired":[1.0]' in told
    assert '"OpenTickets":[0.0]' in told
