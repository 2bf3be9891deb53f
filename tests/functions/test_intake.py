"""The door: what becomes an execution, and only once."""

from __future__ import annotations

import json
from collections.abc import Callable

import boto3
import pytest

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.events import TEST_SOURCE
from hybrid_ocr.contracts.jobs import Job
from tests.functions.component import INBOX, KEY, WORK, Component, bundle, records, submitted, upload_event
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
    assert intake(records(upload_event())) == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert component.dead_letters() == []
