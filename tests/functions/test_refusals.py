"""What is refused at the door: with which code, counted, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.contracts.events import TEST_SOURCE
from lambdas.intake.events import read_event
from tests.functions.component import INBOX, KEY, Component, create, records, submitted, upload_event
from tests.functions.conftest import Call, cold_start


def source(uri: str) -> str:
    return submitted({"source": uri})


REFUSED = {
    "no JSON": ("%PDF-1.4", "INVALID_REQUEST"),
    "deep JSON": ("[" * 100_000, "INVALID_REQUEST"),
    "no detail": ('{"source": "aws.s3", "detail-type": "Object Created"}', "INVALID_REQUEST"),
    "no key": (
        json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}),
        "INVALID_REQUEST",
    ),
    "foreign event": (json.dumps({"source": "x", "detail-type": "y", "detail": {}}), "INVALID_REQUEST"),
    "foreign upload": (upload_event(bucket="hybrid-ocr-work"), "INVALID_REQUEST"),
    "upload elsewhere": (upload_event("elsewhere/a.pdf"), "INVALID_REQUEST"),
    "unknown field": (submitted({"source": f"s3://{INBOX}/{KEY}", "colour": "blue"}), "INVALID_REQUEST"),
    "no source": (submitted({"options": {}}), "INVALID_REQUEST"),
    "unknown bucket": (source("s3://somebody-elses/a.pdf"), "INVALID_REQUEST"),
    "https": (source("https://example.org/a.pdf"), "INVALID_REQUEST"),
    "parent": (source(f"s3://{INBOX}/inbox/../secret"), "INVALID_REQUEST"),
    "parent of an upload": (upload_event("inbox/../secret"), "INVALID_REQUEST"),
    "encoded dots": (upload_event("inbox/%2e%2e/secret"), "INVALID_REQUEST"),
    "line break": (upload_event("inbox/a\r\nX-Header: 1"), "INVALID_REQUEST"),
    "direction mark": (upload_event("inbox/fdp.\u202eexe"), "INVALID_REQUEST"),
    "long key": (upload_event("inbox/" + "k" * 1_018), "INVALID_REQUEST"),
    "object gone": (upload_event("inbox/gone.pdf"), "SOURCE_NOT_FOUND"),
    "version gone": (
        upload_event(**{"version-id": "11111111-2222-3333-4444-555555555555"}),
        "SOURCE_NOT_FOUND",
    ),
    "overwritten": (upload_event(etag="0" * 32), "SOURCE_NOT_FOUND"),
    "empty": (upload_event("inbox/empty.pdf", size=0), "EMPTY_FILE"),
    "a test that is not from the test source": (
        submitted({"source": f"s3://{INBOX}/{KEY}", "test": {"id": "t"}}),
        "INVALID_REQUEST",
    ),
    "a document from the test source": (
        submitted({"source": f"s3://{INBOX}/{KEY}"}, TEST_SOURCE),
        "INVALID_REQUEST",
    ),
    "bad truth": (
        submitted(
            {"source": f"s3://{INBOX}/{KEY}", "test": {"id": "t", "truth": f"s3://{INBOX}/../x"}}, TEST_SOURCE
        ),
        "INVALID_REQUEST",
    ),
    "unknown script": (
        submitted({"source": f"s3://{INBOX}/{KEY}", "options": {"script": "klingon"}}),
        "INVALID_REQUEST",
    ),
}


@pytest.fixture(scope="module")
def door(environment: None) -> Iterator[tuple[Component, Call]]:
    """One component for all that is refused: none of it may leave a trace but its dead letter."""
    with mock_aws():
        component = create()
        component.upload()
        component.upload("inbox/empty.pdf", b"")
        yield component, cold_start("intake")


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_become_a_job_is_kept_with_its_code_and_counted(
    door: tuple[Component, Call], capsys: pytest.CaptureFixture[str], body: str, code: str
) -> None:
    component, intake = door
    assert intake(records(body)) == {"batchItemFailures": []}
    assert component.dead_letters() == [(code, body)]
    assert component.executions() == []
    counted = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "DocumentsRejected" in line
    ]
    assert [one["code"] for one in counted] == [code]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), ANYTHING.map(json.dumps), ANYTHING.map(submitted)))
def test_no_body_crashes_the_door(body: str) -> None:
    with pytest.raises(RequestError):
        read_event(body, INBOX, "inbox/")
