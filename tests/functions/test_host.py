"""The host of a function: answers, the three names of errors, and log lines that quote nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from hybrid_ocr.contracts import flow_errors
from hybrid_ocr.contracts.errors import (
    CapacityError,
    DocumentError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
)
from hybrid_ocr.contracts.events import DocumentSubmitted
from hybrid_ocr.contracts.flow_errors import FlowError, PermanentError, TransientError
from hybrid_ocr.hosts.function import FunctionHost, Handler
from tests.functions.component import records
from tests.functions.context import Context

PRIVATE = "the patient's name"
EVENT = {"source": "s3://inbox/a.pdf"}


@pytest.fixture
def host(environment: None) -> FunctionHost:
    return FunctionHost("under-test")


def raiser(host: FunctionHost, error: Exception) -> Handler:
    @host.task(DocumentSubmitted)
    def handler(_: DocumentSubmitted) -> None:
        raise error

    return handler


def test_a_task_takes_and_answers_messages(host: FunctionHost) -> None:
    @host.task(DocumentSubmitted)
    def echo(asked: DocumentSubmitted) -> DocumentSubmitted | None:
        return asked if asked.options.pages else None

    asked = {**EVENT, "options": {"pages": "1-3"}}
    assert echo(asked, Context())["options"]["pages"] == "1-3"
    assert echo(EVENT, Context()) is None


def aws(code: str, status: int) -> ClientError:
    response = {"Error": {"Code": code, "Message": PRIVATE}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "PutObject")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (CapacityError("full"), TransientError, "OVERLOADED"),
        (EngineError("broken"), flow_errors.EngineError, "ENGINE_FAILED"),
        (EngineError("late", code=ErrorCode.STAGE_TIMEOUT), TransientError, "STAGE_TIMEOUT"),
        (EngineError("no GPU", code=ErrorCode.ENGINE_UNAVAILABLE), PermanentError, "ENGINE_UNAVAILABLE"),
        (DocumentError("torn"), PermanentError, "CORRUPT_DOCUMENT"),
        (OcrError("ours"), PermanentError, "INTERNAL"),
        (ValueError(PRIVATE), PermanentError, "INTERNAL"),
        (aws("SlowDown", 503), TransientError, "OVERLOADED"),
        (aws("ThrottlingException", 400), TransientError, "OVERLOADED"),
        (aws("AccessDenied", 403), PermanentError, "CONFIGURATION_INVALID"),
        (EndpointConnectionError(endpoint_url=PRIVATE), TransientError, "OVERLOADED"),
    ],
    ids=lambda value: getattr(
        value, "__name__", type(value).__name__ if isinstance(value, Exception) else value
    ),
)
def test_an_error_has_one_of_three_names_and_a_code_and_quotes_nothing(
    host: FunctionHost,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    kind: type[Exception],
    code: str,
) -> None:
    with pytest.raises(FlowError) as caught:
        raiser(host, error)(EVENT, Context())
    info = ErrorInfo.model_validate_json(str(caught.value))
    assert type(caught.value) is kind
    assert info.code == code
    assert info.retryable == (kind is not PermanentError)
    out = capsys.readouterr().out
    assert PRIVATE not in str(caught.value) + out
    assert '"TasksFailed":[1.0]' in out


@pytest.mark.parametrize("event", [{}, {"source": PRIVATE}, {**EVENT, PRIVATE: 1}, [], None])
def test_an_input_of_another_shape_is_a_permanent_error(
    host: FunctionHost, capsys: pytest.CaptureFixture[str], event: Any
) -> None:
    with pytest.raises(PermanentError, match="INVALID_REQUEST"):
        raiser(host, CapacityError("never reached"))(event, Context())


def test_a_queue_message_that_fails_comes_back_alone(
    host: FunctionHost, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    @host.queue()
    def handler(record: Any) -> None:
        seen.append(record.body)
        if record.body == PRIVATE:
            raise ValueError(record.body)

    answer = handler(records("one", PRIVATE, "three"), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert seen == ["one", PRIVATE, "three"]
    assert PRIVATE not in capsys.readouterr().out


def test_metrics_are_in_the_namespace_of_the_deployment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYBRID_OCR_METRICS_NAMESPACE", "HybridOCR/dev")
    host = FunctionHost("of-a-stage")

    @host.task(DocumentSubmitted)
    def handler(_: DocumentSubmitted) -> None:
        host.count("Pages", 3)
        host.count("Rejected", code="EMPTY_FILE")

    handler(EVENT, Context())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    spaces = [line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines if "_aws" in line]
    assert len(spaces) >= 2
    assert set(spaces) == {"HybridOCR/dev"}


def test_metrics_are_lines_with_the_dimensions_that_were_given(
    host: FunctionHost, capsys: pytest.CaptureFixture[str]
) -> None:
    @host.task(DocumentSubmitted)
    def handler(_: DocumentSubmitted) -> None:
        host.count("Pages", 3)
        host.count("Rejected", code="EMPTY_FILE")
        assert 0 < host.remaining_seconds <= 60

    handler(EVENT, Context())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [pages] = [line for line in lines if "Pages" in line]
    [rejected] = [line for line in lines if "Rejected" in line]
    assert (pages["service"], pages["Pages"]) == ("under-test", [3.0])
    assert rejected["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "code"]]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "HybridOCR" for line in (pages, rejected))
