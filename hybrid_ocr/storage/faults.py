"""What an error of an AWS call means: the thing is absent, a condition did not hold, or later may do."""

from __future__ import annotations

from typing import Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, which the built-in one is not
    HTTPClientError,
    IncompleteReadError,
)

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=2,
    read_timeout=20,
    max_pool_connections=32,
)
"""Of every client: a call that hangs costs seconds, not the whole time of a function."""

_ABSENT: Final = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion"})
_CONDITION: Final = frozenset({"412", "PreconditionFailed", "ConditionalCheckFailedException"})
_LATER: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
        "ExecutionLimitExceeded",
        "KmsThrottlingException",
    }
)


def code_of(error: ClientError) -> str:
    """The code of an answer, such as NoSuchKey; of a HEAD, which has no body, its status."""
    return error.response.get("Error", {}).get("Code", "")


def is_absent(error: ClientError) -> bool:
    """Whether S3 says that the bucket, the key or the version is not there."""
    return code_of(error) in _ABSENT


def is_condition(error: ClientError) -> bool:
    """Whether a conditional write found its condition not to hold."""
    return code_of(error) in _CONDITION


def is_transient(error: BaseException) -> bool:
    """Whether the same call can succeed later: throttling, a fault of the service, a broken connection.

    501 says that what was asked for is not there: no fault that passes.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _LATER or status == 429 or (status >= 500 and status != 501)
    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError)


def explain(error: BotoCoreError | ClientError) -> ErrorInfo:
    """An error of AWS as messages carry it: operation and code, never what either side sent."""
    if isinstance(error, ClientError):
        what = f"{error.operation_name} answered {code_of(error)[:100]}"
    else:
        what = f"a call to AWS failed: {type(error).__name__}"
    if is_transient(error):
        return ErrorInfo(code=ErrorCode.OVERLOADED, message=what, retryable=True)
    return ErrorInfo(code=ErrorCode.CONFIGURATION_INVALID, message=what, retryable=False)
