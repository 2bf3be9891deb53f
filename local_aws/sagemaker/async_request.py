"""A request to an asynchronous endpoint: checked, and what its caller and SNS get to know of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from local_aws.account import REGION
from local_aws.sagemaker.description import AsyncConfig
from local_aws.sagemaker.faults import validation_error
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.parameters import split_location


@dataclass(eq=False)
class AsyncRequest:
    """One request, from its acceptance to its output.

    Attributes:
        values: the parameters of the call, by their names in the API model; InferenceId is always there.
        body: empty where the input lies in S3, at `InputLocation`.
        failures: how often a container has answered it with an error.
        losses: how often an instance has died under it.
    """

    endpoint: str
    values: Mapping[str, str]
    body: bytes
    output_location: str
    failure_location: str | None
    ttl_seconds: float
    invocation_seconds: float
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    received_at: float = field(default_factory=time.monotonic)
    failures: int = 0
    losses: int = 0

    @classmethod
    def of(
        cls, values: Mapping[str, str], body: bytes, endpoint: str, config: AsyncConfig, limits: RuntimeLimits
    ) -> Self:
        """The request that a call makes. Raises ServiceError: ValidationError, naming what is wrong."""
        location, unique = values.get("InputLocation"), str(uuid.uuid4())
        if bool(body) == bool(location):
            raise validation_error("Provide exactly one of Body and InputLocation.")
        if location:
            split_location(location)
        folder, name = values.get("S3OutputPathExtension", ""), values.get("Filename", f"{unique}.out")
        failure = config.failure_path
        output = config.output_path if limits.keep_trailing_slash else config.output_path.rstrip("/")
        return cls(
            endpoint=endpoint,
            values={"InferenceId": unique, **values},
            body=body,
            output_location=_joined(output, folder, name),
            failure_location=_joined(failure.rstrip("/"), f"{unique}-error.out") if failure else None,
            ttl_seconds=int(values.get("RequestTTLSeconds", limits.default_ttl_seconds)),
            invocation_seconds=int(values.get("InvocationTimeoutSeconds", limits.default_invocation_seconds)),
        )

    @property
    def inference_id(self) -> str:
        """The caller's own, or a new one."""
        return self.values["InferenceId"]

    @property
    def age(self) -> float:
        """Seconds since it was accepted."""
        return time.monotonic() - self.received_at

    def message(self, status: str, **result: object) -> str:
        """The message to SNS on how it ended, in AWS's shape; `result` is what its status has."""
        names = ("Accept", "ContentType", "CustomAttributes", "InputLocation")
        parameters = {name[0].lower() + name[1:]: self.values[name] for name in names if name in self.values}
        return json.dumps(
            {
                "awsRegion": REGION,
                "eventTime": _instant(datetime.now(UTC)),
                "receivedTime": _instant(self.received),
                "invocationStatus": status,
                "requestParameters": {**parameters, "endpointName": self.endpoint},
                "inferenceId": self.inference_id,
                "eventVersion": "1.0",
                "eventSource": "aws:sagemaker",
                "eventName": "InferenceResult",
                **result,
            }
        )


def _joined(path: str, *names: str) -> str:
    return "/".join([path, *(name.strip("/") for name in names if name)])


def _instant(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
