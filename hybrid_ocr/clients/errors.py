"""What AWS answers, as errors of the project's tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from pydantic import ValidationError

from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import (
    CapacityError,
    ConfigurationError,
    DocumentError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
    RequestError,
)

NOTHING_CONFIGURED: Final = (
    "neither AWS nor a local cloud is configured: run `hybrid-ocr up` in another terminal and, in this one, "
    "the exports it prints; or choose a profile (--profile or AWS_PROFILE)"
)
_BUSY_STATUSES: Final = frozenset({429, 503, 530})
"""ModelNotReadyException and throttling, ServiceUnavailable, InternalDependencyException."""
_BUSY_MODEL_STATUSES: Final = frozenset({0, 429, 503})
"""0 is what SageMaker says where the container died or did not answer in time."""
_THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"})
_REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "403",
    }
)
_NOT_DEPLOYED: Final = frozenset(
    {"NoSuchBucket", "StateMachineDoesNotExist", "ResourceNotFoundException", "ResourceNotFound"}
)


class ErrorBody(Message):
    """How a container says what was wrong."""

    error: ErrorInfo


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what boto3 raises inside as an OcrError.

    Args:
        where: names the deployment, for a message that it is not there.
    """
    try:
        yield
    except ClientError as error:
        raise from_answer(error, where) from error
    except BotoCoreError as error:
        raise from_connection(error) from error


def from_answer(error: ClientError, where: str) -> OcrError:
    """The error that a service answered. CapacityError means that the same call can succeed later."""
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    text = one_line(str(answer.get("Error", {}).get("Message", "")))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ModelError":
        return _from_model(int(answer.get("OriginalStatusCode") or 0), str(answer.get("OriginalMessage")))
    if code == "ValidationError" and "capacity" in text.lower():
        return CapacityError(f"the endpoint sleeps: {text}", code=ErrorCode.NOT_READY)
    if status in _BUSY_STATUSES or code in _THROTTLED:
        return CapacityError(f"{error.operation_name}: {code} {text}")
    if code in _REFUSED:
        return ConfigurationError(f"these AWS credentials may not call {error.operation_name}: {code} {text}")
    if code in _NOT_DEPLOYED or (code == "ValidationError" and "not found" in text):
        return ConfigurationError(f"{where} is not deployed, or not whole: {code} {text}")
    if code in {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}:
        return DocumentError("the object is not there", code=ErrorCode.SOURCE_NOT_FOUND)
    if status == 413:
        return RequestError(f"{error.operation_name}: {code} {text}", code=ErrorCode.BODY_TOO_LARGE)
    return OcrError(f"{error.operation_name}: {code} {text}")


def from_connection(error: BotoCoreError) -> OcrError:
    """The error of a call that no service answered."""
    if isinstance(error, NoCredentialsError | NoRegionError):
        return ConfigurationError(NOTHING_CONFIGURED)
    url = str(error.kwargs.get("endpoint_url", ""))
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError) and is_loopback(url):
        return ConfigurationError(
            f"nothing answers at {_origin(url)}: run `hybrid-ocr up` in another terminal and, in this one, "
            "the exports it prints"
        )
    if isinstance(error, ReadTimeoutError):
        return EngineError("no answer in time", code=ErrorCode.STAGE_TIMEOUT)
    if isinstance(error, HTTPClientError):
        return CapacityError(one_line(str(error)), code=ErrorCode.NOT_READY)
    return ConfigurationError(one_line(str(error)))


def _from_model(status: int, body: str) -> OcrError:
    """What a container answered, in the words of the container where they came through whole."""
    try:
        error = ErrorBody.model_validate_json(body).error.as_error()
    except ValidationError:
        error = OcrError(f"the model's server answered {status} without saying why")
    if status in _BUSY_MODEL_STATUSES and not isinstance(error, CapacityError):
        return CapacityError(error.message)
    return error


def error_in(cause: str) -> ErrorInfo | None:
    """An ErrorInfo as JSON, alone or as the errorMessage of a function's exception; None without one."""
    try:
        payload = json.loads(cause)
        if isinstance(payload, dict) and isinstance(payload.get("errorMessage"), str):
            payload = json.loads(payload["errorMessage"])
        return ErrorInfo.model_validate(payload)
    except ValueError:  # pydantic's own and json's are both of this kind
        return None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def one_line(text: str, most: int = 300) -> str:
    """Text as part of a message: one line, of a bearable length."""
    return " ".join(text.split())[:most]
