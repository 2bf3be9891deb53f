"""Reasons of a failure as SageMaker words them, and as anybody else might."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.storage.failures import failure_of

ERROR = ErrorInfo(code=ErrorCode.PAGE_TOO_LARGE, message='page 3 is "large" \\ wide', retryable=False)
ANSWER = '{"error":' + ERROR.model_dump_json() + "}"


@pytest.mark.parametrize(
    "reason",
    [
        ANSWER,
        f'ClientError: Received server error (413) from model with message "{ANSWER}". See the log.',
        json.dumps({"failure": f"Received client error with message {ANSWER}"}),
        '{"error": "not ours"} and then ' + ANSWER,
    ],
    ids=["bare", "in a sentence", "in a string", "after another"],
)
def test_the_containers_own_error_is_found(reason: str) -> None:
    assert failure_of(reason) == ERROR


@given(st.text() | st.text().map(lambda text: '{"error":' + text) | st.just('{"error":' * 50_000))
def test_any_other_reason_can_be_retried_and_is_not_quoted(reason: str) -> None:
    found = failure_of(reason)
    assert found.code is ErrorCode.ENGINE_FAILED
    assert found.retryable
    assert found == failure_of("")
