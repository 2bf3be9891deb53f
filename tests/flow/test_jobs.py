"""A document's way through the flow: in by an upload or an event, out by one event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybrid_ocr.contracts.events import (
    EVENT_SOURCE,
    TEST_SOURCE,
    DocumentCompleted,
    DocumentFailed,
    DocumentNeedsReview,
)
from hybrid_ocr.contracts.jobs import job_id_of
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.pipeline import Pipeline
from tests.flow.site import Site, eventually

SCHEMAS = {kind.__name__: kind for kind in (DocumentCompleted, DocumentNeedsReview, DocumentFailed)}
PRODUCTION = {"source": [EVENT_SOURCE]}
TESTS = {"source": [TEST_SOURCE]}


def told(result: DocumentResult) -> object:
    """What of a result does not depend on where, when and in which company a page was read.

    Confidences do: a network's last bits change with the size of its batch.
    """
    pages = [
        (page.number, page.width, page.height, page.rotation, page.status, [line.text for line in page.lines])
        for page in result.pages
    ]
    return result.status, result.verdict, result.models, result.text, pages


def test_an_upload_ends_in_one_event_that_leads_to_the_result(site: Site, samples: Path) -> None:
    with site.listening(PRODUCTION) as listener:
        version = site.upload("inbox/2026/receipt.png", (samples / "receipt.png").read_bytes())
        uri = f"s3://{site.inbox}/inbox/2026/receipt.png"
        [event] = eventually(lambda: [e for e in listener.hear() if e.detail["source"] == uri])
    outcome = SCHEMAS[event.kind].model_validate(event.detail)
    assert outcome.counts.read == outcome.counts.expected == 1
    bucket, key = outcome.result.removeprefix("s3://").split("/", 1)
    result = DocumentResult.model_validate_json(site.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert result.job_id == outcome.job_id
    assert "TOTAL" in result.text.upper()
    assert version["VersionId"]


@pytest.mark.parametrize("name", ["receipt.png", "article.pdf", "letter.jpg"])
def test_the_flow_reads_what_the_pipeline_reads(site: Site, samples: Path, name: str, tmp_path: Path) -> None:
    job = site.client.submit(samples / name)
    assert site.client.wait(job, 120).state == "succeeded"
    with Pipeline(script="latin") as pipeline:
        result = pipeline.read(samples / name, out=tmp_path / "process")
    assert told(site.client.result(job)) == told(result)
    files = {path.name for path in site.client.download(job, tmp_path / "flow")}
    assert files == {path.name for path in (tmp_path / "process").iterdir()}


def test_the_same_event_twice_is_one_job(site: Site, samples: Path) -> None:
    version = site.upload("elsewhere/receipt.png", (samples / "receipt.png").read_bytes())["VersionId"]
    detail = {"source": f"s3://{site.inbox}/elsewhere/receipt.png", "options": {"pages": "1"}}
    with site.listening(PRODUCTION) as listener:
        for _ in range(3):
            site.publish(detail)
        job = job_id_of_detail(detail, version)
        site.client.wait(job, 120)
        eventually(lambda: listener.of(job))
        assert site.executions().count(f"{job}-1") == 1
        assert len(listener.of(job)) == 1


def job_id_of_detail(detail: dict[str, object], version: str) -> str:
    from hybrid_ocr.contracts.events import DocumentSubmitted

    return job_id_of(DocumentSubmitted.model_validate(detail), version)


def test_only_the_pages_asked_for_are_read(site: Site, samples: Path) -> None:
    job = site.client.submit(samples / "article.pdf", pages="2-3")
    site.client.wait(job, 120)
    assert [page.number for page in site.client.result(job).pages] == [2, 3]


def test_a_test_document_runs_through_everything_and_reaches_no_production_rule(
    site: Site, samples: Path
) -> None:
    with site.listening(PRODUCTION) as production, site.listening(TESTS) as tests:
        job = site.client.submit(samples / "receipt.png", test="nightly-1")
        site.client.wait(job, 120)
        [event] = eventually(lambda: tests.of(job))
        assert event.detail["test"]["id"] == "nightly-1"
        assert not production.of(job)
    assert site.client.result(job).status == "completed"


def test_a_document_that_cannot_be_opened_fails_with_its_code_and_a_result(site: Site) -> None:
    with site.listening(PRODUCTION) as listener:
        job = site.client.submit(b"%PDF-1.7 but nothing of one")
        status = site.client.wait(job, 120)
        [event] = eventually(lambda: listener.of(job))
    assert status.state == "failed"
    assert status.error is not None
    assert status.error.code == "CORRUPT_DOCUMENT"
    failed = DocumentFailed.model_validate(event.detail)
    assert failed.error.code == "CORRUPT_DOCUMENT"
    assert failed.result is not None
    assert site.client.result(job).status == "failed"


def test_states_carry_references_only(site: Site, samples: Path) -> None:
    job = site.client.submit(samples / "article.pdf")
    site.client.wait(job, 120)
    arn = site.execution_arn(f"{job}-1")
    pages = site.flow.get_paginator("get_execution_history").paginate(executionArn=arn)
    history = json.dumps([event for page in pages for event in page["events"]], default=str)
    text = site.client.result(job).text
    longest = max(text.split(), key=len)
    assert longest not in history


def test_a_redrive_reads_again_under_the_next_attempt(site: Site, samples: Path) -> None:
    job = site.client.submit(samples / "receipt.png")
    site.client.wait(job, 120)
    assert site.client.redrive(job) == 2
    assert site.client.wait(job, 120).attempt == 2
    assert sorted(name for name in site.executions() if name.startswith(job)) == [f"{job}-1", f"{job}-2"]
    assert site.client.result(job).status == "completed"
