"""What SageMaker says through SNS and SQS when an asynchronous invocation has ended."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from aws_lambda_powertools.utilities.parser import BaseModel, Field, ValidationError

from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.storage.settle import FailureNotice


class Notice(BaseModel):
    """A message of the success or the error topic; SageMaker may add to it, and leaves fields out."""

    inference_id: str = Field(alias="inferenceId", min_length=1, max_length=64)
    status: Literal["Completed", "Failed"] = Field(alias="invocationStatus")
    failure_reason: str | None = Field(default=None, alias="failureReason")
    event_time: datetime | None = Field(default=None, alias="eventTime")

    @property
    def failure(self) -> FailureNotice | None:
        """The failure that it tells of; without a time it could be one of an earlier invocation."""
        if self.status != "Failed" or self.event_time is None:
            return None
        return FailureNotice(self.failure_reason or "", self.event_time)


def read_notice(body: str) -> Notice:
    """A queue message, with or without the envelope of SNS, as a notice.

    Raises:
        RequestError: INVALID_REQUEST, it is none.
    """
    try:
        payload = json.loads(body)
        if isinstance(payload, dict) and isinstance(payload.get("Message"), str):
            payload = json.loads(payload["Message"])
        return Notice.model_validate(payload)
    except ValidationError as error:
        places = sorted(
            {str(part) for problem in error.errors(include_input=False) for part in problem["loc"][:1]}
        )
        raise RequestError(f"not a notice of an inference: see {', '.join(places)}") from None
    except (ValueError, RecursionError):
        raise RequestError("a notice that is no JSON") from None
