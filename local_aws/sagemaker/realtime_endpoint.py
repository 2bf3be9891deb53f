"""InvokeEndpoint: pass a request to a container and its answer back, within SageMaker's bounds."""

from __future__ import annotations

import time
from typing import Final

from werkzeug import Request, Response

from local_aws.sagemaker.endpoint import RunningEndpoint, original_message
from local_aws.sagemaker.faults import ServiceError, model_error, unavailable, validation_error
from local_aws.sagemaker.instance import ContainerAnswer, Instance, InstanceLostError, NoAnswerError
from local_aws.sagemaker.limits import RuntimeLimits, header_values, read_body

_OPERATION: Final = "InvokeEndpoint"
_CUSTOM_ATTRIBUTES: Final = "X-Amzn-SageMaker-Custom-Attributes"
_PASSED_ON: Final = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": _CUSTOM_ATTRIBUTES,
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
"""Headers that reach the container; SageMaker strips all others."""


def invoke_realtime(endpoint: RunningEndpoint, call: Request, limits: RuntimeLimits) -> Response:
    """Answer one call.

    Raises:
        ServiceError: ValidationError, ServiceUnavailable while instances are replaced, or ModelError.
    """
    started = time.monotonic()
    endpoint.metrics.add("Invocations")
    endpoint.metrics.add("InvocationsPerInstance", 1 / max(1, len(endpoint.instances)))
    try:
        response, model_seconds = _invoke(endpoint, call, limits)
    except ServiceError as fault:
        kind = "Invocation4XXErrors" if _status_of(fault) // 100 == 4 else "Invocation5XXErrors"
        endpoint.metrics.add(kind)
        raise
    endpoint.metrics.add_duration("ModelLatency", model_seconds, "Microseconds")
    endpoint.metrics.add_duration(
        "OverheadLatency", time.monotonic() - started - model_seconds, "Microseconds"
    )
    return response


def _invoke(endpoint: RunningEndpoint, call: Request, limits: RuntimeLimits) -> tuple[Response, float]:
    values = header_values(_OPERATION, call.headers)
    body = read_body(_OPERATION, call)
    headers = {header: values[name] for name, header in _PASSED_ON.items() if name in values}
    answer = _ask(endpoint, _least_busy(endpoint), headers, body, limits.realtime_seconds)
    if answer.status >= 300:
        raise model_error(
            endpoint.complaint(answer),
            status=answer.status,
            original=original_message(answer),
            log_stream_arn=endpoint.log_stream_arn,
        )
    told = {"x-Amzn-Invoked-Production-Variant": endpoint.description.variant}
    if attributes := answer.headers.get(_CUSTOM_ATTRIBUTES.lower()):
        told[_CUSTOM_ATTRIBUTES] = attributes
    return Response(answer.body, 200, told, content_type=answer.content_type), answer.seconds


def _ask(
    endpoint: RunningEndpoint, instance: Instance, headers: dict[str, str], body: bytes, seconds: float
) -> ContainerAnswer:
    """The container's answer. Where none comes AWS tells of status 0, for a timeout as for a crash.

    Source: https://github.com/aws/amazon-sagemaker-examples/issues/2815
    """
    try:
        return instance.invoke(headers, body, seconds)
    except NoAnswerError:
        why = "Your invocation timed out while waiting for a response from container primary."
    except InstanceLostError:
        why = "The container closed the connection before it had answered."
    message = f'Received server error (0) from primary with message "{why}"'
    raise model_error(message, status=0, original=why, log_stream_arn=endpoint.log_stream_arn)


def _least_busy(endpoint: RunningEndpoint) -> Instance:
    instance = min(endpoint.instances, key=lambda instance: instance.in_flight, default=None)
    if instance:
        return instance
    if endpoint.wanted:
        raise unavailable(f"The instances of endpoint {endpoint.name} are being replaced.")
    endpoint.metrics.add("NoCapacityInvocationFailures")
    raise validation_error(f"Endpoint {endpoint.name} has no capacity to process this request.")


def _status_of(fault: ServiceError) -> int:
    """Whose fault it was, for the metrics: a container's 4xx counts as one, as its 5xx does."""
    status: int = fault.members.get("OriginalStatusCode", fault.status)
    return status or 500
