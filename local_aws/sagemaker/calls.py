"""The routes of SageMaker Runtime: InvokeEndpoint and InvokeEndpointAsync over HTTP."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from werkzeug import Request, Response

from local_aws.account import ACCOUNT
from local_aws.sagemaker.async_endpoint import AsyncEndpoint
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.faults import ServiceError, validation_error
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.realtime_endpoint import invoke_realtime
from local_aws.server import Route

_DISCARD_AT_MOST: Final = 64 * 2**20
"""Bytes of a refused body that are read, so that its sender gets to read the answer."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calls:
    """Answers calls of endpoints.

    Args:
        endpoint: the endpoint of a name, where one is in service.
        queue: the queue of an asynchronous endpoint, by its name.
        limits: of the service.
    """

    endpoint: Callable[[str], RunningEndpoint | None]
    queue: Callable[[str], AsyncEndpoint | None]
    limits: RuntimeLimits

    def routes(self) -> list[Route]:
        """What a server must hand to this object."""
        return [
            ("POST", re.compile(r"/endpoints/(?P<name>[^/]+)/invocations"), self._invocations),
            ("POST", re.compile(r"/endpoints/(?P<name>[^/]+)/async-invocations"), self._async_invocations),
        ]

    def _invocations(self, call: Request, match: re.Match[str]) -> Response:
        return _answered(call, lambda: self._invoke(match["name"], call))

    def _async_invocations(self, call: Request, match: re.Match[str]) -> Response:
        return _answered(call, lambda: self._invoke_async(match["name"], call))

    def _invoke(self, name: str, call: Request) -> Response:
        endpoint = self._found(name)
        if endpoint.description.asynchronous:
            raise validation_error(f"Endpoint {name} is asynchronous: call InvokeEndpointAsync.")
        return invoke_realtime(endpoint, call, self.limits)

    def _invoke_async(self, name: str, call: Request) -> Response:
        self._found(name)
        queue = self.queue(name)
        if queue is None:
            raise validation_error(f"Endpoint {name} is not asynchronous: call InvokeEndpoint.")
        return queue.invoke(call)

    def _found(self, name: str) -> RunningEndpoint:
        endpoint = self.endpoint(name)
        if endpoint is None:
            raise validation_error(f"Endpoint {name[:63]} of account {ACCOUNT} not found.")
        return endpoint


def _answered(call: Request, answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except ServiceError as fault:
        error = fault
    except Exception as unexpected:
        log.exception("a call of an endpoint failed: %s", call.path)
        error = ServiceError("InternalFailure", 500, type(unexpected).__name__)
    _discard_body(call)
    return error.response()


def _discard_body(call: Request) -> None:
    stream = call.environ["wsgi.input"]
    for _ in range(0, min(call.content_length or 0, _DISCARD_AT_MOST), 1 << 16):
        if not stream.read(1 << 16):
            return
