"""Why an endpoint failed, out of what SageMaker says about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo

LONGEST_REASON: Final = 65_536
"""Characters of a reason that are looked at."""

_MARK: Final = '{"error":'
_MOST_TRIES: Final = 8


def failure_of(reason: str) -> ErrorInfo:
    """The container's own error where a reason has one, else ENGINE_FAILED, which a retry can heal.

    A container answers `{"error": ErrorInfo}`. SageMaker puts that into a sentence, or into a string of a
    JSON document, where its quotation marks are escaped. Nothing else of a reason is passed on: it is no text
    of ours.
    """
    reason = reason[:LONGEST_REASON]
    for text in (reason, reason.replace('\\"', '"').replace("\\\\", "\\")):
        for start in _marks(text):
            try:
                found, _ = json.JSONDecoder().raw_decode(text, start)
                return ErrorInfo.model_validate(found["error"])
            except (ValueError, ValidationError, RecursionError):
                continue
    return ErrorInfo(
        code=ErrorCode.ENGINE_FAILED,
        message="the endpoint failed without a reason of its own",
        retryable=True,
    )


def _marks(text: str) -> Iterator[int]:
    start = -1
    for _ in range(_MOST_TRIES):
        start = text.find(_MARK, start + 1)
        if start < 0:
            return
        yield start
