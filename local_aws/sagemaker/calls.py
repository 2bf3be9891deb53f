"""The routes of SageMaker Runtime."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

from werkzeug import Request, Response

from local_aws.account import ACCOUNT
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.faults import ServiceError, validation_error
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.realtime import invoke
from local_aws.server import Route

_DISCARD_AT_MOST: Final = 64 * 2**20
"""Bytes of a refused body that are read, so that its sender gets to read the answer."""

log = logging.getLogger(__name__)


def routes(find: Callable[[str], RunningEndpoint | None], limits: RuntimeLimits) -> list[Route]:
    """What a server must hand to the endpoints.

    Args:
        find: the endpoint of a name, where one is in service.
        limits: of the service.
    """

    def answer(call: Request, match: re.Match[str]) -> Response:
        name, operation = match["name"], match["operation"]
        endpoint = find(name)
        if endpoint is None:
            raise validation_error(f"Endpoint {name[:63]} of account {ACCOUNT} not found.")
        if operation == "async-invocations":
            if endpoint.queue is None:
                raise validation_error(f"Endpoint {name} is not asynchronous: call InvokeEndpoint.")
            return endpoint.queue.invoke(call)
        if endpoint.queue is not None:
            raise validation_error(f"Endpoint {name} is asynchronous: call InvokeEndpointAsync.")
        return invoke(endpoint, call, limits, stream=operation == "invocations-response-stream")

    def answered(call: Request, match: re.Match[str]) -> Response:
        try:
            return answer(call, match)
        except ServiceError as fault:
            error = fault
        except Exception as unexpected:
            log.exception("a call of an endpoint failed: %s", call.path)
            error = ServiceError("InternalFailure", 500, type(unexpected).__name__)
        _discard_body(call)
        return error.response()

    operations = "invocations|invocations-response-stream|async-invocations"
    return [("POST", re.compile(rf"/endpoints/(?P<name>[^/]+)/(?P<operation>{operations})"), answered)]


def _discard_body(call: Request) -> None:
    stream = call.environ["wsgi.input"]
    for _ in range(0, min(call.content_length or 0, _DISCARD_AT_MOST), 1 << 16):
        if not stream.read(1 << 16):
            return
