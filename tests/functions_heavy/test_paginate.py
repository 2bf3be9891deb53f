from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ocr.contracts import keys
from hybrid_ocr.contracts.batches import BATCHES
from hybrid_ocr.contracts.errors import ErrorCode
from hybrid_ocr.contracts.events import ReadOptions
from hybrid_ocr.contracts.jobs import MOST_AT_ONCE, BatchTask, Job, Plan
from hybrid_ocr.contracts.stages import STAGES
from hybrid_ocr.opening import OpeningLimits, parse_pages
from lambdas.paginate.plan import page_ranges, retry_concurrency, split_pages
from tests.functions_heavy.conftest import Call
from tests.functions_heavy.desk import NAME, OTHERS, Desk

PAGES = st.sets(st.integers(1, 2_000), min_size=1)


@settings(deadline=None)
@given(PAGES, st.integers(1, 100))
def test_every_page_is_in_one_batch_and_the_pages_keep_their_order(pages: set[int], most: int) -> None:
    batches = [parse_pages(batch, 2_000) for batch in split_pages(pages, most)]
    assert [page for batch in batches for page in batch] == sorted(pages)
    assert {len(batch) for batch in batches[:-1]} <= {len(batches[0])}
    assert 1 <= len(batches[-1]) <= len(batches[0]) <= most


@settings(deadline=None)
@given(PAGES)
def test_a_page_range_has_no_more_parts_than_gaps(pages: set[int]) -> None:
    gaps = sum(page + 1 not in pages for page in pages)
    assert page_ranges(sorted(pages)).count(",") == gaps - 1


def test_a_small_document_keeps_every_stage_busy_and_a_large_one_fills_its_batches() -> None:
    assert split_pages(range(1, 21), 8) == ("1-3", "4-6", "7-9", "10-12", "13-15", "16-18", "19-20")
    assert len(split_pages(range(1, BATCHES + 1), 8)) == BATCHES
    assert split_pages(range(1, 2_001), 8)[-1] == "1993-2000"
    assert len(split_pages(range(1, 2_001), 8)) == 250


def test_the_state_of_the_longest_document_stays_small_even_if_every_page_is_retried() -> None:
    job = Job(
        job_id="0" * 32,
        source="s3://bucket/" + "k" * 1_000,
        etag="e" * 34,
        version_id="v" * 100,
        options=ReadOptions(pages="1-2000"),
        bundle="0" * 16,
    )
    for batches in (split_pages(range(1, 2_001), 8), tuple(map(str, range(1, 2_001)))):
        plan = Plan(round=1, expected_pages=2_000, batches=batches)
        state = {"job": job.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}
        assert len(json.dumps(state)) <= 32 * 1024


def first_plan(paginate: Call, job: Job) -> Plan:
    return Plan.model_validate(paginate({"job": job.model_dump(mode="json"), "round": 0}))


def later_plan(paginate: Call, job: Job, number: int) -> Plan:
    return Plan.model_validate(paginate({"job": job.model_dump(mode="json"), "round": number}))


def test_a_document_is_planned_whole_or_as_asked(desk: Desk, paginate: Call, samples: Path) -> None:
    whole = first_plan(paginate, desk.submit(samples / "article.pdf"))
    assert (whole.round, whole.expected_pages, whole.batches) == (0, 3, ("1", "2", "3"))
    part = first_plan(paginate, desk.submit(samples / "article.pdf", "3,1-2,2"))
    assert (part.expected_pages, part.batches) == (3, ("1", "2", "3"))


def test_a_plan_that_is_asked_for_again_is_the_same_and_opens_nothing(
    desk: Desk, paginate: Call, samples: Path
) -> None:
    job = desk.submit(samples / "article.pdf")
    plan = first_plan(paginate, job)
    desk.inbox.client.delete_object(
        Bucket=desk.inbox.bucket, Key="inbox/a document", VersionId=str(job.version_id)
    )
    assert first_plan(paginate, job) == plan


def test_what_a_batch_lost_is_planned_page_by_page_and_once(
    desk: Desk, paginate: Call, samples: Path
) -> None:
    job = desk.submit(samples / "receipt.png")
    first = Plan(round=0, expected_pages=7, batches=("1-2", "3-5,8", "9"))
    desk.work.write(keys.plan_key(job), first)
    for pages, outputs in {"1-2": ["regions", "text"], "3-5,8": ["regions", "crops"], "9": ["text"]}.items():
        prefix = keys.batch_prefix(BatchTask(job=job, round=0, pages=pages))
        for output in [*outputs, *(STAGES[stage].output.split(".")[0] for stage in OTHERS)]:
            desk.work.put(f"{prefix}{output}.msgpack", b"an answer", "application/msgpack")
    again = later_plan(paginate, job, 1)
    assert (again.round, again.expected_pages, again.batches) == (1, 7, ("3", "4", "5", "8", "9"))
    assert later_plan(paginate, job, 2).batches == ()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.EMPTY_FILE),
        (b"just some text", ErrorCode.UNSUPPORTED_FORMAT),
        (b"%PDF-1.7 and no more", ErrorCode.CORRUPT_DOCUMENT),
    ],
)
def test_a_document_that_cannot_be_read_is_a_plan_that_says_why(
    desk: Desk, paginate: Call, body: bytes, code: ErrorCode
) -> None:
    plan = first_plan(paginate, desk.submit(body))
    assert plan.error is not None
    assert (plan.error.code, plan.batches, plan.expected_pages) == (code, (), 0)
    assert not plan.error.retryable
    assert plan.error.message.startswith(f"{NAME}: ")


def test_pages_that_a_document_does_not_have_are_refused(desk: Desk, paginate: Call, samples: Path) -> None:
    plan = first_plan(paginate, desk.submit(samples / "article.pdf", "4-6"))
    assert plan.error is not None
    assert plan.error.code is ErrorCode.PAGE_OUT_OF_RANGE


def test_only_the_version_that_was_submitted_is_read(desk: Desk, paginate: Call, samples: Path) -> None:
    job = desk.submit(samples / "article.pdf")
    desk.submit(samples / "receipt.png")  # a newer version under the same key
    assert first_plan(paginate, job).expected_pages == 3
    other = job.model_copy(update={"job_id": "1" * 32, "version_id": None})
    plan = first_plan(paginate, other)  # in a bucket without versions the ETag tells
    assert plan.error is not None
    assert plan.error.code is ErrorCode.SOURCE_NOT_FOUND
    assert plan.error.message.startswith(f"{NAME} is gone")


def test_a_file_above_the_limit_is_not_downloaded(
    desk: Desk, paginate: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.paginate.planner.OpeningLimits", lambda: OpeningLimits(file_bytes=1_000))
    plan = first_plan(paginate, desk.submit(b"%PDF" + bytes(1_000)))
    assert plan.error is not None
    assert plan.error.code is ErrorCode.FILE_TOO_LARGE
    assert plan.error.message.startswith(f"{NAME}: 1004 bytes")


@given(st.integers(0, 2_000))
def test_a_few_lost_pages_are_tried_one_after_the_other_and_many_at_once(lost: int) -> None:
    assert 1 <= retry_concurrency(lost) <= MOST_AT_ONCE
    assert lost > 25 or retry_concurrency(lost) == 1
    assert lost < 1_000 or retry_concurrency(lost) == MOST_AT_ONCE
