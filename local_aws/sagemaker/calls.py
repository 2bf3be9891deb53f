"""The calls of SageMaker Runtime: which endpoint gets each, and what a real-time endpoint answers."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Final

from moto.core.eventstream import EventStreamEncoder
from werkzeug import Request, Response

from local_aws.account import ACCOUNT, arn
from local_aws.sagemaker.endpoint import RunningEndpoint, original_message
from local_aws.sagemaker.faults import ServiceError, validation_error
from local_aws.sagemaker.instance import ContainerAnswer, Instance, InstanceLostError, NoAnswerError
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.parameters import CUSTOM_ATTRIBUTES, container_headers, read_call
from local_aws.server import Route

_OPERATIONS: Final = {
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "async-invocations": "InvokeEndpointAsync",
}

log = logging.getLogger(__name__)


def routes(find: Callable[[str], RunningEndpoint | None], limits: RuntimeLimits) -> list[Route]:
    """What a server must hand to the endpoints.

    Args:
        find: the endpoint of a name, where one is in service.
        limits: of the service.
    """

    def answer(call: Request, match: re.Match[str]) -> Response:
        try:
            endpoint = find(match["name"])
            if endpoint is None:
                raise validation_error(f"Endpoint {match['name'][:63]} of account {ACCOUNT} not found.")
            return _call(endpoint, _OPERATIONS[match["path"]], call, limits)
        except ServiceError as fault:
            return fault.response()
        except Exception as unexpected:
            log.exception("a call of an endpoint failed: %s", call.path)
            return ServiceError("InternalFailure", 500, type(unexpected).__name__).response()

    return [("POST", re.compile(rf"/endpoints/(?P<name>[^/]+)/(?P<path>{'|'.join(_OPERATIONS)})"), answer)]


def _call(endpoint: RunningEndpoint, operation: str, call: Request, limits: RuntimeLimits) -> Response:
    asynchronous = operation == "InvokeEndpointAsync"
    if asynchronous and not endpoint.queue:
        raise validation_error(f"Endpoint {endpoint.name} is not asynchronous: call InvokeEndpoint.")
    if endpoint.queue and not asynchronous:
        raise validation_error(f"Endpoint {endpoint.name} is asynchronous: call InvokeEndpointAsync.")
    values, body = read_call(operation, call)
    if endpoint.queue:
        return endpoint.queue.invoke(values, body)
    return _invoke(endpoint, values, body, limits, stream=operation == "InvokeEndpointWithResponseStream")


def _invoke(
    endpoint: RunningEndpoint, values: Mapping[str, str], body: bytes, limits: RuntimeLimits, *, stream: bool
) -> Response:
    """Answer one call; as a stream it is one part, since the container's answer is read whole.

    Raises:
        ServiceError: ValidationError, ServiceUnavailable while instances are replaced, or ModelError.
    """
    started = time.monotonic()
    endpoint.metrics.add("Invocations")
    endpoint.metrics.add("InvocationsPerInstance", 1 / max(1, len(endpoint.instances)))
    try:
        answer = _answer(endpoint, values, body, limits.realtime_seconds)
    except ServiceError as fault:
        # A container's 4xx counts as one, as its 5xx does, though the call is answered with 424.
        status = fault.members.get("OriginalStatusCode", fault.status) or 500
        endpoint.metrics.add("Invocation4XXErrors" if status // 100 == 4 else "Invocation5XXErrors")
        raise
    endpoint.metrics.add_duration("ModelLatency", answer.seconds, "Microseconds")
    overhead = time.monotonic() - started - answer.seconds
    endpoint.metrics.add_duration("OverheadLatency", overhead, "Microseconds")
    headers = {"x-Amzn-Invoked-Production-Variant": endpoint.description.variant}
    if attributes := answer.headers.get(CUSTOM_ATTRIBUTES.lower()):
        headers[CUSTOM_ATTRIBUTES] = attributes
    if not stream:
        return Response(answer.body, 200, headers, content_type=answer.content_type)
    headers["X-Amzn-SageMaker-Content-Type"] = answer.content_type
    event = {
        ":message-type": "event",
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
    }
    body = EventStreamEncoder().encode_message(event, answer.body)
    return Response(body, 200, headers, content_type="application/vnd.amazon.eventstream")


def _answer(
    endpoint: RunningEndpoint, values: Mapping[str, str], body: bytes, seconds: float
) -> ContainerAnswer:
    """The container's answer, a 2xx.

    Where none comes AWS answers status 0, for a timeout as for a crash.
    Source: https://github.com/aws/amazon-sagemaker-examples/issues/2815
    """
    if values.get("TargetVariant", endpoint.description.variant) != endpoint.description.variant:
        raise validation_error(f"Variant {values['TargetVariant']} of endpoint {endpoint.name} not found.")
    status, instance = 0, _least_busy(endpoint)
    instance.hold()
    try:
        answer = instance.invoke(container_headers(values), body, seconds)
        if answer.status < 300:
            return answer
        status, why, message = answer.status, original_message(answer), endpoint.model_error(answer)
    except NoAnswerError:
        why = "Your invocation timed out while waiting for a response from container primary."
    except InstanceLostError:
        why = "The container closed the connection before it had answered."
    finally:
        instance.hold(-1)
    members = {
        "ErrorCode": "ModelError",
        "OriginalStatusCode": status,
        "OriginalMessage": why,
        "LogStreamArn": arn("logs", f"log-group:{endpoint.log_group}"),
    }
    if not status:
        message = f'Received server error (0) from primary with message "{why}"'
    raise ServiceError("ModelError", 424, message, members)


def _least_busy(endpoint: RunningEndpoint) -> Instance:
    instance = min(endpoint.instances, key=lambda instance: instance.in_flight, default=None)
    if instance:
        return instance
    if endpoint.wanted:
        message = f"The instances of endpoint {endpoint.name} are being replaced."
        raise ServiceError("ServiceUnavailable", 503, message)
    endpoint.metrics.add("NoCapacityInvocationFailures")
    raise validation_error(f"Endpoint {endpoint.name} has no capacity to process this request.")
