"""The parameters of a call of SageMaker Runtime, held to the bounds of AWS's own API model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import botocore.session
from werkzeug import Request
from werkzeug.exceptions import RequestEntityTooLarge

from local_aws.sagemaker.faults import ServiceError, validation_error
from local_aws.unserved import REFUSED

CUSTOM_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"
_PASSED_ON: Final = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": CUSTOM_ATTRIBUTES,
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
"""Headers that reach the container; SageMaker strips all others."""
# Classes of Java's regular expressions, in which the API model is written.
_JAVA_CLASSES: Final = {r"[\p{Print}]": r"[\x20-\x7e]", r"\p{ASCII}": r"[\x00-\x7f]", r"\z": r"\Z"}
_S3_URI: Final = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)


def read_call(operation: str, call: Request) -> tuple[dict[str, str], bytes]:
    """The parameters that travel in headers, by their names in the API model, and the body.

    Raises:
        ServiceError: ValidationError, as AWS words it, for the first one that is out of its bounds.
    """
    values = {}
    members = _input_members(operation)
    for name, shape in members.items():
        if shape.serialization.get("location") == "header":
            value = call.headers.get(shape.serialization["name"])
            if value is not None:
                _check(name, value, shape)
                values[name] = value
    call.max_content_length = members["Body"].metadata["max"]
    try:
        return values, call.get_data(cache=False)
    except RequestEntityTooLarge:
        bound = f"Member must have length less than or equal to {call.max_content_length}"
        raise _violation("body", bound) from None


def container_headers(values: Mapping[str, str]) -> dict[str, str]:
    """The headers that a container gets, by the parameters of a call."""
    return {header: values[name] for name, header in _PASSED_ON.items() if name in values}


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        ServiceError: ValidationError: it is none.
    """
    match = _S3_URI.fullmatch(location)
    if not match:
        raise validation_error(f"{location[:80]!r} is not a valid S3 URI: s3://bucket/key")
    return match[1], match[2]


def _check(name: str, value: str, shape: Any) -> None:
    if name in REFUSED["parameters"]["sagemaker-runtime"]:
        raise validation_error(f"The local AWS does not serve {name}.")
    bounds, size, what = shape.metadata, len(value), "length"
    if shape.type_name == "integer":
        size, what = int(value) if re.fullmatch(r"[0-9]{1,18}", value) else -1, "value"
    if size < bounds.get("min", size):
        raise _violation(name, f"Member must have {what} greater than or equal to {bounds['min']}")
    if size > bounds.get("max", size):
        raise _violation(name, f"Member must have {what} less than or equal to {bounds['max']}")
    pattern = bounds.get("pattern", "")
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    if pattern and not re.fullmatch(pattern, value):
        raise _violation(name, f"Member must satisfy regular expression pattern: {bounds['pattern']}")


def _violation(name: str, constraint: str) -> ServiceError:
    member = name[0].lower() + name[1:]
    return validation_error(
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    )


@cache
def _input_members(operation: str) -> Mapping[str, Any]:
    model: Any = botocore.session.get_session().get_service_model("sagemaker-runtime")
    members: Mapping[str, Any] = model.operation_model(operation).input_shape.members
    return members
