"""The door: what becomes an execution, and only once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import boto3
import pytest

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import TEST_SOURCE
from hybrid_ocr.contracts.jobs import Job, Outcome
from hybrid_ocr.storage.jobs import Jobs
from tests.functions.component import (
    INBOX,
    JOBS,
    KEY,
    MOST,
    WORK,
    Component,
    bundle,
    records,
    submitted,
    upload_event,
)
from tests.functions.conftest import Call


@pytest.fixture
def intake(load: Callable[[str], Call]) -> Call:
    return load("intake")


def test_an_upload_starts_one_execution_pinned_to_its_version_and_bundle(
    component: Component, intake: Call
) -> None:
    answer = component.upload()
    component.upload(body=b"a newer one")
    told = upload_event(etag=answer["ETag"].strip('"'), **{"version-id": answer["VersionId"]})
    assert intake(records(told, told, told)) == {"batchItemFailures": []}
    [execution] = component.executions()
    job = Job.model_validate_json(execution["input"])
    assert execution["name"] == job.execution_name
    assert (job.version_id, job.etag) == (answer["VersionId"], answer["ETag"].strip('"'))
    assert job.source == f"s3://{INBOX}/{KEY}"
    assert job.bundle == bundle().id
    assert component.dead_letters() == []


def test_a_new_version_or_other_options_are_another_job(component: Component, intake: Call) -> None:
    for body in (b"one", b"two"):
        version = component.upload(body=body)["VersionId"]
        intake(records(upload_event(**{"version-id": version})))
    intake(records(submitted({"source": f"s3://{INBOX}/{KEY}", "options": {"pages": "1"}})))
    assert len(component.executions()) == 3


def test_a_submission_of_what_was_uploaded_is_the_same_job(component: Component, intake: Call) -> None:
    version = component.upload()["VersionId"]
    intake(records(upload_event(**{"version-id": version}), submitted({"source": f"s3://{INBOX}/{KEY}"})))
    assert len(component.executions()) == 1


def test_a_test_document_carries_its_mark(component: Component, intake: Call) -> None:
    component.upload()
    detail = {"source": f"s3://{INBOX}/{KEY}", "test": {"id": "t-1", "truth": f"s3://{INBOX}/truth.json"}}
    intake(records(submitted(detail, TEST_SOURCE)))
    [execution] = component.executions()
    assert Job.model_validate_json(execution["input"]).test.id == "t-1"


def test_a_folder_of_a_console_is_no_document(
    component: Component, intake: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    component.upload("inbox/new/", b"")
    assert intake(records(upload_event("inbox/new/", size=0))) == {"batchItemFailures": []}
    assert component.executions() == component.dead_letters() == []
    assert "FoldersIgnored" in capsys.readouterr().out


def test_a_document_above_the_limit_is_refused(
    component: Component, load: Callable[[str], Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRID_OCR_MAX_DOCUMENT_BYTES", "4")
    component.upload()
    load("intake")(records(upload_event()))
    assert [code for code, _ in component.dead_letters()] == ["FILE_TOO_LARGE"]


def test_another_bucket_can_be_let_in(
    component: Component, load: Callable[[str], Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRID_OCR_ALLOWED_BUCKETS", json.dumps([INBOX, WORK]))
    component.work.put("archive/a.pdf", b"%PDF-", "application/pdf")
    load("intake")(records(submitted({"source": f"s3://{WORK}/archive/a.pdf"})))
    [execution] = component.executions()
    job = Job.model_validate_json(execution["input"])
    assert job.version_id is None, "the bucket keeps no versions"


def test_what_may_heal_comes_back_alone(component: Component, intake: Call) -> None:
    """Two good events beside one that meets a component without an active bundle."""
    component.upload()
    event = upload_event()
    component.artifacts.client.delete_object(Bucket=component.artifacts.bucket, Key=keys.ACTIVE_BUNDLES)
    answer = intake(records(upload_event("inbox/gone.pdf"), event))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [code for code, _ in component.dead_letters()] == ["SOURCE_NOT_FOUND"]


def test_a_missing_state_machine_is_no_fault_of_the_document(component: Component, intake: Call) -> None:
    client = boto3.client("stepfunctions")
    client.delete_state_machine(
        stateMachineArn=client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    )
    component.upload()
    assert intake(records(upload_event())) == {"batchItemFailures": []}
    assert component.dead_letters() == []
    assert component.states() == Counter(waiting=1), "it starts as soon as it can"


def test_what_finds_no_slot_waits_and_its_message_is_done(component: Component, intake: Call) -> None:
    keys_ = [f"inbox/{number}.pdf" for number in range(MOST + 2)]
    for key in keys_:
        component.upload(key)
    assert intake(records(*map(upload_event, keys_))) == {"batchItemFailures": []}
    assert len(component.executions()) == MOST
    assert component.states() == Counter(running=MOST, waiting=2)
    assert component.dead_letters() == []


def redriven(job_id: str, attempt: int) -> str:
    detail = {"job_id": job_id, "attempt": attempt}
    return json.dumps({"source": "a.user", "detail-type": "JobRedriven", "detail": detail})


def test_a_job_is_done_again_once_where_it_has_ended(component: Component, intake: Call) -> None:
    component.upload()
    intake(records(upload_event()))
    [record] = Jobs(JOBS).in_state("running")
    job, error = record.job, ErrorInfo(code=ErrorCode.INTERNAL, message="broken", retryable=False)
    Jobs(JOBS).record(job, Outcome.failed(job, error))
    Jobs(JOBS).end(job)
    again = redriven(job.job_id, 2)
    assert intake(records(again, again)) == {"batchItemFailures": []}
    names = {execution["name"] for execution in component.executions()}
    assert names == {f"{job.job_id}-1", f"{job.job_id}-2"}
    assert component.dead_letters() == []
    intake(records(redriven(job.job_id, 3)))
    assert [code for code, _ in component.dead_letters()] == ["INVALID_REQUEST"], "the second still runs"


def test_a_job_that_is_not_known_is_not_done_again(component: Component, intake: Call) -> None:
    intake(records(redriven("f" * 32, 2), redriven("../", 2), redriven("f" * 32, 1)))
    assert [code for code, _ in component.dead_letters()] == [
        "SOURCE_NOT_FOUND",
        "INVALID_REQUEST",
        "INVALID_REQUEST",
    ]
