"""What the flow does with one document: the real file, run by moto's interpreter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hybrid_ocr.contracts.base import SCHEMA_VERSION
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import TEST_SOURCE, DocumentCompleted, DocumentFailed, TestRun
from hybrid_ocr.contracts.jobs import BatchTask, PlanRequest, StageTask, ValidationTask
from hybrid_ocr.contracts.stages import ENDPOINTS, STAGES
from tests.stepfunctions.cloud import Cloud, FunctionError, RefusedError, Script, job, plan


@pytest.fixture(scope="module")
def machine(cloud: Cloud) -> str:
    return cloud.machine()


def failing_first(times: int, error: Exception, answer: object = None) -> Any:
    """A function that dies some times before it answers."""
    left = iter(range(times))

    def play(asked: dict[str, Any]) -> object:
        if next(left, None) is not None:
            raise error
        return answer(asked) if callable(answer) else answer

    return play


def test_a_document_is_read_and_its_event_is_published(cloud: Cloud, machine: str) -> None:
    script = Script()
    ended = cloud.run(machine, job(), script)
    assert ended.status == "SUCCEEDED"
    [event] = ended.production
    assert event["detail-type"] == "DocumentCompleted"
    DocumentCompleted.model_validate(event["detail"])
    assert json.loads(ended.description["output"])["detail"] == event["detail"]
    asked = [call["stage"] for call in script.calls["Dispatch"]]
    assert sorted(asked) == sorted(ENDPOINTS)
    for stage in ENDPOINTS:
        assert STAGES[stage].after not in asked[asked.index(stage) :], (
            "it was asked before its input was there"
        )


def test_each_function_is_told_what_its_contract_says(cloud: Cloud, machine: str) -> None:
    script = Script()
    asked = job()
    cloud.run(machine, asked, script)
    assert [PlanRequest.model_validate(call) for call in script.calls["Paginate"]] == [
        PlanRequest(job=asked, round=0),
        PlanRequest(job=asked, round=1),
    ]
    [batch] = [BatchTask.model_validate(call) for call in script.calls["Rotation"]]
    assert batch == BatchTask(job=asked, round=0, pages="1-8")
    assert all(StageTask.model_validate(call).batch == batch for call in script.calls["Dispatch"])
    [validation] = [ValidationTask.model_validate(call) for call in script.calls["Validation"]]
    assert (validation.job, validation.plan.round, validation.plan.batches) == (asked, 1, ())


@pytest.mark.parametrize("function", ["paginate", "rotation", "validation"])
@pytest.mark.parametrize(
    "error",
    [
        FunctionError("TransientError"),
        FunctionError("Sandbox.Timedout"),
        FunctionError("Runtime.ExitError"),
        RefusedError(),
    ],
    ids=["transient", "timed out", "killed", "throttled"],
)
def test_what_can_heal_is_retried(cloud: Cloud, machine: str, function: str, error: Exception) -> None:
    script = Script()
    setattr(script, function, failing_first(2, error, getattr(script, function)))
    ended = cloud.run(machine, job(), script)
    assert ended.status == "SUCCEEDED"
    assert len(script.calls[function.title()]) == (4 if function == "paginate" else 3)
    assert len(script.calls["Paginate"]) == (4 if function == "paginate" else 2)


def test_a_busy_function_is_waited_for_longer_than_a_sick_one(cloud: Cloud, machine: str) -> None:
    script = Script()
    script.rotation = failing_first(30, RefusedError())
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    assert len(script.calls["Paginate"]) == 2


@pytest.mark.parametrize("name", ["PermanentError", "KeyError"])
def test_an_error_that_cannot_heal_is_not_retried(cloud: Cloud, machine: str, name: str) -> None:
    script = Script(rotation=failing_first(1, FunctionError(name)))
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    assert len(script.calls["Rotation"]) == 1
    assert not script.calls["Dispatch"]


def test_a_stage_that_reports_a_transient_failure_is_asked_again_with_another_token(
    cloud: Cloud, machine: str
) -> None:
    script = Script()

    def dispatch(task: dict[str, Any]) -> None:
        if len(script.stages("ocr")) == 1 and task["stage"] == "ocr":
            cloud.fail(task, "TransientError")
        else:
            cloud.succeed(task)

    script.dispatch = dispatch
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    first, second = script.stages("ocr")
    assert first["token"] != second["token"]


def test_lost_batches_are_read_page_by_page_in_the_next_round(cloud: Cloud, machine: str) -> None:
    rounds = [["1-4", "5-8"], ["5", "6", "7", "8"], []]
    script = Script(paginate=lambda asked: plan(asked["round"], rounds[asked["round"]]))

    def dispatch(task: dict[str, Any]) -> None:
        lost = task["pages"] in {"5-8", "6"} and task["stage"] == "text_detection"
        cloud.fail(task, "PermanentError") if lost else cloud.succeed(task)

    script.dispatch = dispatch
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    assert sorted((call["round"], call["pages"]) for call in script.calls["Rotation"]) == [
        (0, "1-4"),
        (0, "5-8"),
        *((1, page) for page in "5678"),
    ]
    assert sorted(call["pages"] for call in script.stages("ocr")) == ["1-4", "5", "7", "8"]
    [validation] = script.calls["Validation"]
    assert validation["plan"] == plan(2, [])


def test_text_is_read_where_regions_are_lost(cloud: Cloud, machine: str) -> None:
    script = Script()

    def dispatch(task: dict[str, Any]) -> None:
        lost = task["stage"] == "region_detection"
        cloud.fail(task, "PermanentError") if lost else cloud.succeed(task)

    script.dispatch = dispatch
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    assert len(script.stages("ocr")) == 1


def test_a_document_that_cannot_be_opened_is_validated_and_fails(cloud: Cloud, machine: str) -> None:
    error = ErrorInfo(code=ErrorCode.ENCRYPTED_DOCUMENT, message="it asks for a password", retryable=False)
    asked = job()
    detail = DocumentFailed(
        job_id=asked.job_id, source=asked.source, error=error, result="s3://results/results/x/1/result.json"
    )
    script = Script(
        paginate=lambda asked: plan(asked["round"], [], error.model_dump()),
        validation=lambda _: {
            "detail_type": "DocumentFailed",
            "source": "hybrid-ocr",
            "detail": detail.model_dump(mode="json"),
        },
    )
    ended = cloud.run(machine, asked, script)
    [validation] = script.calls["Validation"]
    assert validation["plan"]["error"] == error.model_dump()
    [event] = ended.production
    assert DocumentFailed.model_validate(event["detail"]) == detail
    assert ended.status == "FAILED"
    assert (ended.description["error"], ended.description["cause"]) == (error.code, error.message)


@pytest.mark.parametrize("dead", ["paginate", "validation"])
def test_a_flow_that_breaks_says_so_without_the_cause(cloud: Cloud, machine: str, dead: str) -> None:
    script = Script()
    setattr(script, dead, failing_first(9, FunctionError("PermanentError", "a line of the document")))
    asked = job()
    ended = cloud.run(machine, asked, script)
    assert ended.status == "FAILED"
    [event] = ended.production
    failed = DocumentFailed.model_validate(event["detail"])
    assert failed.schema_version == SCHEMA_VERSION
    assert (failed.job_id, failed.source) == (asked.job_id, asked.source)
    assert failed.error.code is ErrorCode.INTERNAL
    assert "PermanentError" in failed.error.message
    assert "a line of the document" not in f"{event}{ended.description}"


@pytest.mark.parametrize("dead", [False, True])
def test_events_of_a_test_reach_no_production_rule(cloud: Cloud, machine: str, dead: bool) -> None:
    script = Script()
    if dead:
        script.paginate = failing_first(1, FunctionError("PermanentError"))
    ended = cloud.run(machine, job(test=TestRun(id="nightly")), script)
    assert ended.production == []
    [event] = ended.test
    assert event["source"] == TEST_SOURCE
    assert event["detail"]["test"]["id"] == "nightly"
    assert event["detail-type"] == ("DocumentFailed" if dead else "DocumentCompleted")


def test_a_stage_whose_heartbeat_stops_is_asked_again(cloud: Cloud) -> None:
    def hurry(flow: dict[str, Any]) -> None:
        batch = flow["States"]["Read the batches"]["ItemProcessor"]["States"]
        batch["Recognise the text"]["HeartbeatSeconds"] = 1

    script = Script()
    script.dispatch = lambda task: cloud.succeed(task) if len(script.stages("ocr")) != 1 else None
    assert cloud.run(cloud.machine(hurry), job(), script).status == "SUCCEEDED"
    assert len(script.stages("ocr")) == 2
    assert len(script.calls["Paginate"]) == 2


def test_a_branch_whose_sibling_failed_waits_no_longer(cloud: Cloud, machine: str) -> None:
    """Text detection fails while region detection still waits: its token is of no use any more."""
    script = Script()

    def dispatch(task: dict[str, Any]) -> None:
        if task["stage"] == "text_detection":
            cloud.fail(task, "PermanentError")

    script.dispatch = dispatch
    assert cloud.run(machine, job(), script).status == "SUCCEEDED"
    [waiting] = script.stages("region_detection")
    with pytest.raises(ClientError, match="TaskTimedOut"):
        cloud.states.send_task_success(taskToken=waiting["token"], output="{}")


def test_an_outcome_above_256_kib_fails_the_execution_by_name(cloud: Cloud, machine: str) -> None:
    script = Script(validation=lambda _: {"detail_type": "x" * 262_144, "source": "s", "detail": {}})
    ended = cloud.run(machine, job(), script)
    assert ended.status == "FAILED"
    assert "States.DataLimitExceeded" in ended.production[0]["detail"]["error"]["message"]
