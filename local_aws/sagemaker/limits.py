"""What SageMaker Runtime allows: bounds of a call from AWS's own API model, and settings of the double."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import botocore.session
from werkzeug import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge

from local_aws.sagemaker.faults import validation_error

Operation = Literal["InvokeEndpoint", "InvokeEndpointAsync"]

LONGEST_MESSAGE: Final = 2_048
"""Characters of an error message; a longer one is cut."""

# Classes of Java's regular expressions, in which the API model is written.
_JAVA_CLASSES: Final = {r"[\p{Print}]": r"[\x20-\x7e]", r"\p{ASCII}": r"[\x00-\x7f]", r"\z": r"\Z"}


@dataclass(frozen=True)
class RuntimeLimits:
    """Limits that the API model does not hold, and what AWS leaves open; the defaults are AWS's where known.

    Attributes:
        realtime_seconds: how long a container may take for InvokeEndpoint.
        default_ttl_seconds: how long an asynchronous request may wait for its turn.
        default_invocation_seconds: how long a container may take for it.
        max_input_bytes: of the object that InputLocation names.
        max_queue: asynchronous requests that wait; AWS documents no bound.
        retries_on_4xx: how often a container's 4xx is tried again; AWS documents none.
        retries_on_5xx: the same for a 5xx.
        retries_on_lost_instance: how often a request starts again whose instance died under it.
        retry_seconds: the pause before the first retry; it doubles.
        provisioning_seconds: how long a new instance takes before its container starts; minutes in AWS.
        ready_after_seconds: the least time until a new instance takes work, its start included.
        metric_period_seconds: how often metrics are published.
        share_instances: endpoints of the same model are served by the same processes. AWS never does that; a
            laptop has not the memory to hold each network twice.
    """

    realtime_seconds: float = 60.0
    default_ttl_seconds: int = 21_600
    default_invocation_seconds: int = 900
    max_input_bytes: int = 10**9
    max_queue: int = 100_000
    retries_on_4xx: int = 0
    retries_on_5xx: int = 2
    retries_on_lost_instance: int = 2
    retry_seconds: float = 0.5
    provisioning_seconds: float = 0.0
    ready_after_seconds: float = 0.0
    metric_period_seconds: float = 60.0
    share_instances: bool = True


def header_values(operation: Operation, headers: Headers) -> dict[str, str]:
    """The parameters of a call that travel in headers, by their names in the API model.

    Raises:
        ServiceError: ValidationError, as AWS words it, for the first one that is out of its bounds.
    """
    values = {}
    for name, header, shape in _header_members(operation):
        value = headers.get(header)
        if value is not None:
            _check(name, value, shape)
            values[name] = value
    return values


@cache
def longest_body(operation: Operation) -> int:
    """Bytes that a body may have."""
    bound: int = _input_members(operation)["Body"].metadata["max"]
    return bound


def read_body(operation: Operation, call: Request) -> bytes:
    """The body of a call, unless it is longer than the API model allows. Raises ServiceError."""
    call.max_content_length = longest_body(operation)
    try:
        return call.get_data(cache=False)
    except RequestEntityTooLarge:
        bound = longest_body(operation)
        raise _violation("body", f"Member must have length less than or equal to {bound}") from None


def _check(name: str, value: str, shape: Any) -> None:
    bounds = shape.metadata
    if shape.type_name == "integer":
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise _violation(name, "Member must be an integer")
        measured, what = int(value), "have value"
    else:
        measured, what = len(value), "have length"
    if "min" in bounds and measured < bounds["min"]:
        raise _violation(name, f"Member must {what} greater than or equal to {bounds['min']}")
    if "max" in bounds and measured > bounds["max"]:
        raise _violation(name, f"Member must {what} less than or equal to {bounds['max']}")
    if "pattern" in bounds and not _pattern(bounds["pattern"]).fullmatch(value):
        raise _violation(name, f"Member must satisfy regular expression pattern: {bounds['pattern']}")


def _violation(name: str, constraint: str) -> Exception:
    member = name[0].lower() + name[1:]
    return validation_error(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    )


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


@cache
def _header_members(operation: Operation) -> tuple[tuple[str, str, Any], ...]:
    members = _input_members(operation).items()
    return tuple(
        (name, shape.serialization["name"], shape)
        for name, shape in members
        if shape.serialization.get("location") == "header"
    )


@cache
def _input_members(operation: Operation) -> Mapping[str, Any]:
    model: Any = botocore.session.get_session().get_service_model("sagemaker-runtime")
    members: Mapping[str, Any] = model.operation_model(operation).input_shape.members
    return members
