"""The messages by which an asynchronous endpoint tells SNS how a request ended, in AWS's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_aws.sagemaker.async_request import AsyncRequest


def success_message(request: AsyncRequest, region: str, content_type: str) -> str:
    """The output object is there."""
    told = _common(request, region, "Completed")
    told["responseParameters"] = {"contentType": content_type, "outputLocation": request.output_location}
    return json.dumps(told)


def failure_message(request: AsyncRequest, region: str, reason: str) -> str:
    """There will be no output object."""
    return json.dumps({**_common(request, region, "Failed"), "failureReason": reason})


def _common(request: AsyncRequest, region: str, status: str) -> dict[str, Any]:
    parameters: Mapping[str, str | None] = {
        "accept": request.accept,
        "contentType": request.content_type,
        "customAttributes": request.custom_attributes,
        "endpointName": request.endpoint,
        "inputLocation": request.input_location,
    }
    return {
        "awsRegion": region,
        "eventTime": _instant(datetime.now(UTC)),
        "receivedTime": _instant(request.received),
        "invocationStatus": status,
        "requestParameters": {name: value for name, value in parameters.items() if value is not None},
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _instant(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
