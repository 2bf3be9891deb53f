"""InvokeEndpointAsync: a queue of requests, which wait for an instance that has room."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from werkzeug import Response

from local_aws.sagemaker.async_request import AsyncRequest
from local_aws.sagemaker.async_results import AsyncResults, FailedError
from local_aws.sagemaker.description import AsyncConfig
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.instance import ContainerAnswer, Instance, InstanceLostError, NoAnswerError
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.metrics import MetricData, endpoint_gauge
from local_aws.sagemaker.parameters import container_headers

_MOST_THREADS: Final = 1_000
_REMEMBERED: Final = 10_000
"""Answered invocations of each endpoint."""

log = logging.getLogger(__name__)


class AsyncEndpoint:
    """The queue of an asynchronous endpoint and what serves it; safe to share between threads.

    First come, first served, by the instance with the most room. What makes room or work hands the next
    request over at once.

    Args:
        endpoint: its instances and its name.
        limits: of the service.
        s3: a boto3 client.
        sns: a boto3 client.
    """

    def __init__(self, endpoint: RunningEndpoint, limits: RuntimeLimits, *, s3: Any, sns: Any) -> None:
        self._endpoint, self._limits, self._metrics = endpoint, limits, endpoint.metrics
        self._results = AsyncResults(endpoint.metrics, s3, sns)
        self._lock = threading.Lock()
        self._waiting: deque[AsyncRequest] = deque()
        self._busy: Counter[Instance] = Counter()
        self._closed = threading.Event()
        self._answered = deque[Mapping[str, Any]](maxlen=_REMEMBERED)
        self._threads = ThreadPoolExecutor(_MOST_THREADS, f"{endpoint.name}-async")

    def invoke(self, values: Mapping[str, str], body: bytes) -> Response:
        """Queue a request and answer 202 with the locations of its output. Raises ServiceError."""
        request = AsyncRequest.of(values, body, self._endpoint.name, self._config, self._limits)
        with self._lock:
            self._waiting.append(request)
        self.hand_over()
        headers = {"X-Amzn-SageMaker-OutputLocation": request.output_location}
        if request.failure_location:
            headers["X-Amzn-SageMaker-FailureLocation"] = request.failure_location
        accepted = json.dumps({"InferenceId": request.inference_id})
        return Response(accepted, 202, headers, mimetype="application/json")

    def hand_over(self) -> None:
        """Give waiting requests to instances that have room; also when their number has changed."""
        with self._lock:
            instances = self._endpoint.instances
            while self._waiting and instances and not self._closed.is_set():
                instance = min(instances, key=lambda instance: self._busy[instance])
                if self._busy[instance] >= self._config.concurrency:
                    return
                self._busy[instance] += 1
                instance.hold()
                self._threads.submit(self._serve, self._waiting.popleft(), instance)

    def expire(self) -> None:
        """Give up those that have waited too long."""
        with self._lock:
            expired = [request for request in self._waiting if request.age > request.ttl_seconds]
            for request in expired:
                self._waiting.remove(request)
        for request in expired:
            self._metrics.add("ExpiredRequests")
            reason = f"ClientError: expired after {request.ttl_seconds:g} s in the queue"
            self._fail(request, FailedError(reason))

    def size(self) -> int:
        """Requests that wait or are in process."""
        with self._lock:
            return len(self._waiting) + self._busy.total()

    def gauges(self) -> MetricData:
        """The state of the queue, as metrics of the endpoint."""
        name, size, instances = self._endpoint.name, self.size(), len(self._endpoint.instances)
        with self._lock:
            oldest = max((request.age for request in self._waiting), default=0.0)
        gauges = [
            endpoint_gauge(name, "ApproximateBacklogSize", size),
            endpoint_gauge(name, "ApproximateAgeOfOldestRequest", oldest, "Seconds"),
            endpoint_gauge(name, "HasBacklogWithoutCapacity", size > 0 and instances == 0),
        ]
        if instances:
            gauges.append(endpoint_gauge(name, "ApproximateBacklogSizePerInstance", size / instances))
        return gauges

    def answered(self) -> list[Mapping[str, Any]]:
        """The last invocations with output: when each was accepted, given to a container and answered."""
        return list(self._answered)

    def close(self) -> None:
        """Take nothing more from the queue."""
        with self._lock:
            self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def _config(self) -> AsyncConfig:
        config = self._endpoint.description.asynchronous  # an update may have changed it, but not to None
        return config or AsyncConfig("")

    def _serve(self, request: AsyncRequest, instance: Instance) -> None:
        """Take one request through; runs in a thread of its own and never raises."""
        self._metrics.add_duration("TimeInBacklog", request.age, "Milliseconds")
        times = {"accepted": request.received.timestamp(), "begun": time.time()}
        try:
            try:
                answer = self._answer(request, instance)
            finally:
                self._release(instance)
            times["answered"] = time.time()
            self._results.deliver(request, self._config, answer)
            self._answered.append({"inference_id": request.inference_id, **times})
        except InstanceLostError:
            self._lost(request)
        except FailedError as failed:
            self._fail(request, failed)
        except Exception as error:
            log.exception("asynchronous request %s failed", request.inference_id)
            self._fail(request, FailedError(f"InternalFailure: {type(error).__name__}"))

    def _answer(self, request: AsyncRequest, instance: Instance) -> ContainerAnswer:
        """The container's answer with a status of 2xx; a 5xx is tried again as often as the limits allow."""
        body = self._results.input(request)
        while True:
            try:
                answer = instance.invoke(container_headers(request.values), body, request.invocation_seconds)
            except NoAnswerError:
                seconds = f"{request.invocation_seconds:g} seconds"
                raise FailedError(f"ClientError: the model did not answer within {seconds}") from None
            self._metrics.add_duration("ModelLatency", answer.seconds, "Microseconds")
            if answer.status < 300:
                if "content-length" not in answer.headers:
                    raise FailedError("ClientError: the model answered without a Content-Length header")
                return answer
            request.failures += 1
            if answer.status < 500 or request.failures > self._limits.retries_on_5xx:
                raise FailedError(f"ClientError: {self._endpoint.model_error(answer)}", answer.body)
            self._closed.wait(self._limits.retry_seconds * 2 ** (request.failures - 1))

    def _release(self, instance: Instance) -> None:
        instance.hold(-1)
        with self._lock:
            self._busy[instance] -= 1
            self._busy += Counter()  # forgets those that do nothing: an instance may be gone
        self.hand_over()

    def _lost(self, request: AsyncRequest) -> None:
        """Begin again, before all others; a request that ends every instance is given up."""
        request.losses += 1
        if request.losses > self._limits.retries_on_lost_instance:
            reason = "ClientError: the model's container ended before it had answered"
            self._fail(request, FailedError(reason))
            return
        with self._lock:
            self._waiting.appendleft(request)
        self.hand_over()

    def _fail(self, request: AsyncRequest, failed: FailedError) -> None:
        if not self._closed.is_set():  # what a stop cuts short is no failure of the request
            self._results.fail(request, self._config, failed)
