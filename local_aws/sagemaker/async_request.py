"""A request to an asynchronous endpoint: checked at the door, with the locations that its caller is told."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from werkzeug import Request

from local_aws.sagemaker.description import AsyncConfig
from local_aws.sagemaker.faults import validation_error
from local_aws.sagemaker.limits import RuntimeLimits, header_values, read_body

_OPERATION: Final = "InvokeEndpointAsync"
_S3_URI: Final = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)


@dataclass(eq=False)
class AsyncRequest:
    """One request, from its acceptance to its output.

    Attributes:
        input_location: an s3:// URI; None where the body came with the call.
        failures: how often a container has answered it with an error.
        losses: how often an instance has died under it.
    """

    endpoint: str
    inference_id: str
    input_location: str | None
    body: bytes
    output_location: str
    failure_location: str | None
    content_type: str | None
    accept: str | None
    custom_attributes: str | None
    ttl_seconds: float
    invocation_seconds: float
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    received_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    losses: int = 0

    @property
    def expires_at(self) -> float:
        """When it has waited too long, on the monotonic clock."""
        return self.received_at + self.ttl_seconds

    @property
    def age(self) -> float:
        """Seconds since it was accepted."""
        return time.monotonic() - self.received_at

    def headers(self) -> dict[str, str]:
        """What the container is told."""
        told = {
            "Content-Type": self.content_type,
            "Accept": self.accept,
            "X-Amzn-SageMaker-Custom-Attributes": self.custom_attributes,
            "X-Amzn-SageMaker-Inference-Id": self.inference_id,
        }
        return {name: value for name, value in told.items() if value is not None}


def parse_async_request(
    request: Request, endpoint: str, config: AsyncConfig, limits: RuntimeLimits
) -> AsyncRequest:
    """Check a call of InvokeEndpointAsync.

    Raises:
        ServiceError: ValidationError, naming what is wrong.
    """
    values = header_values(_OPERATION, request.headers)
    body, location = read_body(_OPERATION, request), values.get("InputLocation")
    if bool(body) == bool(location):
        raise validation_error("Provide exactly one of Body and InputLocation.")
    if location:
        split_location(location)
    unique = str(uuid.uuid4())
    return AsyncRequest(
        endpoint=endpoint,
        inference_id=values.get("InferenceId") or unique,
        input_location=location,
        body=body,
        output_location=_output_location(config, values, unique),
        failure_location=config.failure_path and _joined(config.failure_path, f"{unique}-error.out"),
        content_type=values.get("ContentType"),
        accept=values.get("Accept"),
        custom_attributes=values.get("CustomAttributes"),
        ttl_seconds=int(values.get("RequestTTLSeconds", limits.default_ttl_seconds)),
        invocation_seconds=int(values.get("InvocationTimeoutSeconds", limits.default_invocation_seconds)),
    )


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        ServiceError: ValidationError: it is none.
    """
    match = _S3_URI.fullmatch(location)
    if not match:
        raise validation_error(f"{location[:80]!r} is not a valid S3 URI: s3://bucket/key")
    return match[1], match[2]


def _output_location(config: AsyncConfig, values: Mapping[str, str], unique: str) -> str:
    filename = values.get("Filename", f"{unique}.out")
    return _joined(config.output_path, values.get("S3OutputPathExtension", ""), filename)


def _joined(*parts: str) -> str:
    head, *rest = parts
    return "/".join([head.rstrip("/"), *(part.strip("/") for part in rest if part.strip("/"))])
