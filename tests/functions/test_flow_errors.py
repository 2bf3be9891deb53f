"""An error has one name in the flow file, whether a function raises it or a callback tells it."""

from __future__ import annotations

from typing import Any

import pytest

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo, OcrError
from hybrid_ocr.contracts.events import DocumentSubmitted
from hybrid_ocr.contracts.flow_errors import EngineError, FlowError, PermanentError, TransientError
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.storage.tasks import Tasks
from tests.functions.context import Context


class Waiting:
    """A state that waits with a token, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}

    def send_task_failure(self, **told: Any) -> None:
        self.told = told


def raised(error: OcrError) -> FlowError:
    @FunctionHost("under-test").task(DocumentSubmitted)
    def handler(_: DocumentSubmitted) -> None:
        raise error

    with pytest.raises(FlowError) as caught:
        handler({"source": "s3://inbox/a.pdf"}, Context())
    return caught.value


@pytest.mark.parametrize("code", ErrorCode)
def test_a_function_and_a_callback_tell_the_flow_the_same(environment: None, code: ErrorCode) -> None:
    error, state = OcrError("what happened", code=code), Waiting()
    assert Tasks(state).fail("token", ErrorInfo.of(error))  # type: ignore[arg-type]
    by_function = raised(error)
    assert state.told == {
        "taskToken": "token",
        "error": type(by_function).__name__,
        "cause": str(by_function),
    }


def test_what_a_retry_heals_is_tried_again_and_a_network_not_often(environment: None) -> None:
    names = {code: type(raised(OcrError("what happened", code=code))) for code in ErrorCode}
    assert {code for code, name in names.items() if name is EngineError} == {ErrorCode.ENGINE_FAILED}
    retried = {ErrorCode.OVERLOADED, ErrorCode.NOT_READY, ErrorCode.STAGE_TIMEOUT}
    assert {code for code, name in names.items() if name is TransientError} == retried
    assert {code for code, name in names.items() if name is PermanentError} == (
        set(ErrorCode) - retried - {ErrorCode.ENGINE_FAILED}
    )
