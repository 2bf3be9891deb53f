"""A document of 2,000 pages of which every batch is lost: the longest way that the flow knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hybrid_ocr.contracts.events import TEST_SOURCE, ReadOptions, TestRun
from hybrid_ocr.contracts.jobs import Plan
from tests.stepfunctions.cloud import Cloud, Ended, FunctionError, Script, job

PAGES = 2_000
LARGEST_STATE = 32 * 1024
ROUNDS = [[f"{first}-{first + 7}" for first in range(1, PAGES, 8)], [str(n) for n in range(1, PAGES + 1)], []]


@pytest.fixture(scope="module")
def script() -> Script:
    def paginate(asked: dict[str, Any]) -> dict[str, Any]:
        number = asked["round"]
        return Plan(round=number, expected_pages=PAGES, batches=tuple(ROUNDS[number])).model_dump(mode="json")

    def rotation(_: dict[str, Any]) -> None:
        raise FunctionError("PermanentError", "x" * 2_000)

    return Script(paginate=paginate, rotation=rotation)


@pytest.fixture(scope="module")
def ended(cloud: Cloud, script: Script) -> Ended:
    """With a job whose every field is as long as it may be."""
    longest = job(
        source="s3://" + "b" * 63 + "/" + "ä" * 490,
        etag="e" * 128,
        version_id="v" * 1_024,
        options=ReadOptions(pages=",".join(["1000"] * 200), script="s" * 32),
        test=TestRun(id="t" * 64, truth="s3://" + "b" * 63 + "/" + "ä" * 490),
    )
    return cloud.wait(cloud.start(cloud.machine(), longest, script), seconds=240)


def test_each_page_is_tried_again_alone_and_the_document_ends(ended: Ended, script: Script) -> None:
    assert ended.status == "SUCCEEDED"
    assert [event["source"] for event in ended.test] == [TEST_SOURCE]
    tried = [call["pages"] for call in script.calls["Rotation"]]
    assert sorted(tried) == sorted(ROUNDS[0] + ROUNDS[1])


def test_no_state_is_larger_than_32_kib(ended: Ended, script: Script) -> None:
    assert 8_000 < ended.largest_state <= LARGEST_STATE
    payloads = [call for calls in script.calls.values() for call in calls]
    assert max(len(json.dumps(payload).encode()) for payload in payloads) <= LARGEST_STATE


def test_the_history_of_the_document_does_not_grow_with_its_pages(ended: Ended) -> None:
    assert len(ended.history) < 100
