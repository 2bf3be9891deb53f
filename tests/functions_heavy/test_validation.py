from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.events import (
    EVENT_SOURCE,
    TEST_SOURCE,
    DocumentCompleted,
    DocumentFailed,
    DocumentNeedsReview,
    TestRun,
)
from hybrid_ocr.contracts.jobs import BatchTask, Job, Plan
from hybrid_ocr.contracts.messages import PageBatch, PageImage, PageText, RecognisedLine, TextBatch
from hybrid_ocr.contracts.result import DocumentResult
from hybrid_ocr.contracts.stages import stage_title
from lambdas.validation.gather import StoredImages
from tests.functions_heavy.conftest import Call
from tests.functions_heavy.desk import NAME, OTHERS, Desk, batches_of, reads_of, text_of_page

CRASHED = ErrorInfo(code=ErrorCode.ENGINE_FAILED, message="the container died", retryable=True)


def planned(paginate: Call, job: Job, number: int = 0) -> dict[str, Any]:
    plan = paginate({"job": job.model_dump(mode="json"), "round": number})
    assert plan is not None
    return plan


def rotated(rotation: Call, job: Job, plan: dict[str, Any]) -> list[BatchTask]:
    for event in batches_of(job, plan):
        rotation(event)
    return [BatchTask.model_validate(event) for event in batches_of(job, plan)]


def validated(validation: Call, job: Job, plan: dict[str, Any]) -> dict[str, Any]:
    outcome = validation({"job": job.model_dump(mode="json"), "plan": plan})
    assert outcome is not None
    return outcome


def result_of(desk: Desk, job: Job) -> DocumentResult:
    return desk.results.read(keys.result_prefix(job.job_id, job.attempt) + "result.json", DocumentResult)


@pytest.fixture
def read_article(desk: Desk, paginate: Call, rotation: Call, samples: Path) -> tuple[Job, list[BatchTask]]:
    """Three pages that are planned and upright; no endpoint has answered yet."""
    job = desk.submit(samples / "article.pdf")
    return job, rotated(rotation, job, planned(paginate, job))


def test_a_document_that_was_read_is_kept_whole_and_announced(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    last = planned(paginate, job, 1)
    assert last["batches"] == []
    outcome = validated(validation, job, last)

    event = DocumentCompleted.model_validate(outcome["detail"])
    prefix = keys.result_prefix(job.job_id, 1)
    assert (outcome["detail_type"], outcome["source"]) == ("DocumentCompleted", EVENT_SOURCE)
    assert event.result == f"s3://{desk.results.bucket}/{prefix}result.json"
    assert (event.counts.expected, event.counts.read, event.counts.failed) == (3, 3, 0)

    result = result_of(desk, job)
    assert (result.status, result.verdict, result.source) == ("completed", "accept", job.source)
    assert result.document_name == NAME
    for name in ("report.html", "result.hocr"):
        shown = desk.results.get(prefix + name).decode()
        assert f"<title>{NAME}" in shown
        assert "s3://" not in shown
    assert [page.lines[0].text for page in result.pages] == [text_of_page(n) for n in (1, 2, 3)]
    assert result.bundle == desk.bundle.id
    assert result.models == desk.bundle.models
    assert result.timings.pop("rotation") > 0
    assert result.timings == dict.fromkeys(OTHERS, 0.0) | {
        "region_detection": 1.5,
        "text_detection": 2.25,
        "ocr": 0.75,
    }

    kinds = {
        key.removeprefix(prefix): desk.results.client.head_object(Bucket=desk.results.bucket, Key=key)[
            "ContentType"
        ]
        for key in desk.results.keys(prefix)
    }
    assert kinds == {
        "report.html": "text/html; charset=utf-8",
        "result.hocr": "text/html; charset=utf-8",
        "result.json": "application/json",
        "result.md": "text/markdown; charset=utf-8",
        "result.pdf": "application/pdf",
        "result.txt": "text/plain; charset=utf-8",
    }
    assert desk.results.get(prefix + "result.pdf").startswith(b"%PDF")


def test_a_result_that_is_there_stays_and_is_announced_again(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    last = planned(paginate, job, 1)
    first = validated(validation, job, last)
    kept = result_of(desk, job)
    for key in [*desk.work.keys("jobs/")]:
        desk.work.client.delete_object(Bucket=desk.work.bucket, Key=key)
    assert validated(validation, job, last) == first
    assert result_of(desk, job) == kept


def test_pages_read_in_a_second_round_complete_the_document(
    desk: Desk, paginate: Call, rotation: Call, validation: Call, samples: Path
) -> None:
    job = desk.submit(samples / "article.pdf")
    desk.work.write(keys.plan_key(job), Plan(round=0, expected_pages=3, batches=("1-2", "3")))
    lost, read = rotated(rotation, job, planned(paginate, job))
    desk.answer(read)
    desk.lose(lost, "text_detection", CRASHED)
    again = planned(paginate, job, 1)
    assert again["batches"] == ["1", "2"]
    for batch in rotated(rotation, job, again):
        desk.answer(batch)
    last = planned(paginate, job, 2)
    assert last["batches"] == []
    assert validated(validation, job, last)["detail_type"] == "DocumentCompleted"
    result = result_of(desk, job)
    assert result.findings == ()
    assert [page.status for page in result.pages] == ["ok"] * 3


def test_a_poison_page_is_named_and_the_others_are_read(
    desk: Desk, paginate: Call, rotation: Call, validation: Call, samples: Path
) -> None:
    job = desk.submit(samples / "article.pdf")
    desk.work.write(keys.plan_key(job), Plan(round=0, expected_pages=3, batches=("1-3",)))
    [lost] = rotated(rotation, job, planned(paginate, job))
    desk.lose(lost, "text_detection", CRASHED)
    for batch in rotated(rotation, job, planned(paginate, job, 1)):
        if batch.pages == "2":
            desk.lose(batch, "text_detection", CRASHED)
        else:
            desk.answer(batch)
    outcome = validated(validation, job, planned(paginate, job, 2))
    event = DocumentNeedsReview.model_validate(outcome["detail"])
    assert (event.counts.expected, event.counts.read, event.counts.failed) == (3, 2, 1)
    result = result_of(desk, job)
    assert result.status == "partial"
    assert [page.status for page in result.pages] == ["ok", "failed", "ok"]
    assert result.pages[1].error == CRASHED
    assert {finding.page for finding in result.findings} == {2}


def test_a_stage_that_never_answered_is_named(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, (first, second, _) = read_article
    desk.answer(first)
    desk.answer(second, regions=False)
    validated(validation, job, planned(paginate, job, 2))
    read, without_regions, lost = result_of(desk, job).pages
    assert (read.status, without_regions.status, lost.status) == ("ok", "partial", "failed")
    assert without_regions.error is not None
    assert lost.error is not None
    assert without_regions.error.code is lost.error.code is ErrorCode.STAGE_TIMEOUT
    assert "region detection" in without_regions.error.message
    assert "text detection" in lost.error.message


def test_a_page_that_rotation_lost_says_why(
    desk: Desk, paginate: Call, validation: Call, samples: Path
) -> None:
    job = desk.submit(samples / "letter.jpg")
    plan = planned(paginate, job)
    desk.lose(BatchTask(job=job, round=0, pages="1"), "rotation", CRASHED)
    event = DocumentFailed.model_validate(validated(validation, job, plan)["detail"])
    assert event.error == CRASHED
    assert result_of(desk, job).status == "failed"


def test_damaged_output_costs_its_own_pages_only(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    desk.work.put(keys.output_key(batches[1], "ocr"), b"\xc1 nonsense", "application/msgpack")
    validated(validation, job, planned(paginate, job, 1))
    result = result_of(desk, job)
    assert [page.status for page in result.pages] == ["ok", "failed", "ok"]
    assert result.pages[1].error is not None
    assert result.pages[1].error.code is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("stage", ["region_detection", "ocr"])
def test_an_answer_of_a_model_outside_the_bundle_is_refused(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call, stage: Any
) -> None:
    job, batches = read_article
    mine = desk.bundle.models[stage]
    other = mine.model_copy(update={"version": "2", "sha256": "f" * 64})
    for batch in batches:
        desk.answer(batch, {**desk.bundle.models, stage: other} if batch is batches[-1] else None)
    outcome = validated(validation, job, planned(paginate, job, 1))
    event = DocumentFailed.model_validate(outcome["detail"])
    assert event.error.code is ErrorCode.ARTIFACT_INVALID
    assert stage_title(stage) in event.error.message
    assert mine.sha256 in event.error.message
    assert other.sha256 in event.error.message
    result = result_of(desk, job)
    assert (result.status, result.verdict, result.text.strip()) == ("failed", "reject", "")
    assert validated(validation, job, planned(paginate, job, 1)) == outcome


def test_an_answer_that_names_no_model_is_refused(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    key = keys.output_key(batches[0], "ocr")
    nameless = desk.work.read(key, TextBatch).model_copy(update={"models": {}})
    desk.work.write(key, nameless)
    event = DocumentFailed.model_validate(validated(validation, job, planned(paginate, job, 1))["detail"])
    assert event.error.code is ErrorCode.ARTIFACT_INVALID


def test_a_document_that_cannot_be_opened_has_a_result_that_says_so(
    desk: Desk, paginate: Call, validation: Call
) -> None:
    job = desk.submit(b"no document")
    outcome = validated(validation, job, planned(paginate, job))
    event = DocumentFailed.model_validate(outcome["detail"])
    assert event.error.code is ErrorCode.UNSUPPORTED_FORMAT
    assert event.result is not None
    assert event.result.endswith(f"{job.job_id}/1/result.json")
    result = result_of(desk, job)
    assert (result.status, result.verdict, result.bundle) == ("failed", "reject", desk.bundle.id)


def test_events_of_a_test_document_have_their_own_source(
    desk: Desk, paginate: Call, rotation: Call, validation: Call, samples: Path
) -> None:
    job = desk.submit(samples / "receipt.png", test=TestRun(id="nightly", truth="s3://truths/receipt.json"))
    [batch] = rotated(rotation, job, planned(paginate, job))
    desk.answer(batch)
    outcome = validated(validation, job, planned(paginate, job, 1))
    assert outcome["source"] == TEST_SOURCE
    assert DocumentCompleted.model_validate(outcome["detail"]).test == job.test


def test_a_picture_that_does_not_decode_costs_no_text(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    key = keys.output_key(batches[0], "rotation")
    pages = desk.work.read(key, PageBatch)
    broken = pages.pages[0].model_copy(update={"data": b"\xff\xd8\xff no picture"})
    desk.work.write(key, pages.model_copy(update={"pages": (broken,)}))
    assert validated(validation, job, planned(paginate, job, 1))["detail_type"] == "DocumentCompleted"
    names = {key.rpartition("/")[2] for key in desk.results.keys("results/")}
    assert {"result.json", "result.txt", "result.md", "result.hocr"} <= names
    assert "result.pdf" not in names


def test_page_images_are_fetched_batch_by_batch_and_one_is_held(desk: Desk) -> None:
    where = {}
    for first in (1, 3, 5):
        pages = tuple(
            PageImage(number=n, width=1, height=1, encoding="png", data=bytes([n]))
            for n in (first, first + 1)
        )
        desk.work.write(f"{first}.msgpack", PageBatch(pages=pages))
        where |= {first: f"{first}.msgpack", first + 1: f"{first}.msgpack"}
    images = StoredImages(desk.work, where)
    with reads_of(desk.work) as reads:
        assert [images(n) for n in (1, 2, 3, 4, 5, 6, 7)] == [
            *((bytes([n]), "png") for n in (1, 2, 3, 4, 5, 6)),
            None,
        ]
    assert [read.rpartition("/")[2] for read in reads] == ["1.msgpack", "3.msgpack", "5.msgpack"]


def test_the_first_answer_for_a_page_counts(
    desk: Desk, read_article: tuple[Job, list[BatchTask]], validation: Call, paginate: Call
) -> None:
    """A late answer of an earlier round must not turn one page into two, or one text into another."""
    job, batches = read_article
    for batch in batches:
        desk.answer(batch)
    late = BatchTask(job=job, round=1, pages="2")
    line = RecognisedLine(id="l1", polygon=((0, 0),) * 4, score=1, text="another text", confidence=1)
    text = PageText(number=2, width=1, height=1, lines=(line,))
    models = {stage: desk.bundle.models[stage] for stage in ("rotation", "text_detection", "ocr")}
    desk.work.write(keys.output_key(late, "ocr"), TextBatch(models=models, pages=(text,)))
    validated(validation, job, planned(paginate, job, 1))
    result = result_of(desk, job)
    assert [page.lines[0].text for page in result.pages] == [text_of_page(n) for n in (1, 2, 3)]
    assert result.findings == ()
