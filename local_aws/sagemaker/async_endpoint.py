"""InvokeEndpointAsync: accept a request, let a container answer it, put the answer into S3, tell SNS."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from werkzeug import Request, Response

from local_aws.account import REGION
from local_aws.sagemaker.async_request import AsyncRequest, parse_async_request, split_location
from local_aws.sagemaker.backlog import Backlog
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.instance import ContainerAnswer, Instance, InstanceLostError, NoAnswerError
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.metrics import MetricData, endpoint_gauge
from local_aws.sagemaker.notices import failure_message, success_message

_AWS_ERRORS: Final = (ClientError, BotoCoreError)
_REMEMBERED: Final = 10_000
"""Invocations of which an endpoint can still tell."""

log = logging.getLogger(__name__)


@dataclass
class _FailedError(Exception):
    """A request that gets no output.

    Args:
        reason: as SNS tells it.
        body: of the failure object; the reason where the container has said nothing.
    """

    reason: str
    body: bytes = b""


class AsyncEndpoint:
    """An asynchronous endpoint; safe to share between threads.

    Args:
        endpoint: its instances and its name.
        limits: of the service.
        s3: a boto3 client.
        sns: a boto3 client.
    """

    def __init__(
        self,
        endpoint: RunningEndpoint,
        limits: RuntimeLimits,
        *,
        s3: Any,
        sns: Any,
    ) -> None:
        self._endpoint, self._limits = endpoint, limits
        self._s3, self._sns, self._metrics = s3, sns, endpoint.metrics
        self._closed = threading.Event()
        self._answered = deque[Mapping[str, Any]](maxlen=_REMEMBERED)
        self._backlog = Backlog(
            endpoint,
            longest=limits.max_queue,
            serve=self._serve,
            expire=self._expire,
        )

    def invoke(self, call: Request) -> Response:
        """Queue a request and answer 202 with the locations of its output. Raises ServiceError."""
        request = parse_async_request(call, self._endpoint.name, self._endpoint.async_config, self._limits)
        self._backlog.put(request)
        headers = {"X-Amzn-SageMaker-OutputLocation": request.output_location}
        if request.failure_location:
            headers["X-Amzn-SageMaker-FailureLocation"] = request.failure_location
        body = json.dumps({"InferenceId": request.inference_id})
        return Response(body, 202, headers, mimetype="application/json")

    def hand_over(self) -> None:
        """Look again who can take work, after the number of instances was changed."""
        self._backlog.hand_over()

    @property
    def backlog(self) -> int:
        """Requests that wait or are worked on."""
        return self._backlog.size()

    def gauges(self) -> MetricData:
        """The state of the queue, as metrics of the endpoint."""
        name, size, instances = self._endpoint.name, self._backlog.size(), len(self._endpoint.instances)
        gauges = [
            endpoint_gauge(name, "ApproximateBacklogSize", size),
            endpoint_gauge(name, "ApproximateAgeOfOldestRequest", self._backlog.oldest_age(), "Seconds"),
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
        self._closed.set()
        self._backlog.close()

    def _serve(self, request: AsyncRequest, instance: Instance) -> None:
        """Take one request through; runs in a thread of its own and never raises."""
        self._metrics.add_duration("TimeInBacklog", request.age, "Milliseconds")
        begun = time.time()
        try:
            try:
                answer = self._ask(request, instance)
            finally:
                self._backlog.release(instance)
            answered = time.time()
            self._deliver(request, answer)
            self._answered.append(
                {
                    "inference_id": request.inference_id,
                    "accepted": request.received.timestamp(),
                    "begun": begun,
                    "answered": answered,
                }
            )
        except InstanceLostError:
            self._lost(request)
        except _FailedError as failed:
            self._fail(request, failed)
        except Exception as error:
            log.exception("asynchronous request %s failed", request.inference_id)
            self._fail(request, _FailedError(f"InternalFailure: {type(error).__name__}"))

    def _ask(self, request: AsyncRequest, instance: Instance) -> ContainerAnswer:
        """The container's answer with a status of 2xx; others are tried again as often as the limits say."""
        body = self._input(request)
        while True:
            try:
                answer = instance.invoke(request.headers(), body, request.invocation_seconds)
            except NoAnswerError:
                raise _FailedError(
                    f"ClientError: the model did not answer within {request.invocation_seconds:g} seconds"
                ) from None
            self._metrics.add_duration("ModelLatency", answer.seconds, "Microseconds")
            if answer.status < 300:
                if not answer.has_length:
                    raise _FailedError("ClientError: the model answered without a Content-Length header")
                return answer
            request.failures += 1
            again = self._limits.retries_on_4xx if answer.status < 500 else self._limits.retries_on_5xx
            if request.failures > again:
                raise _FailedError(f"ClientError: {self._endpoint.complaint(answer)}", answer.body)
            self._closed.wait(self._limits.retry_seconds * 2 ** (request.failures - 1))

    def _input(self, request: AsyncRequest) -> bytes:
        if request.input_location is None:
            return request.body
        bucket, key = split_location(request.input_location)
        started = time.monotonic()
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
            if found["ContentLength"] > self._limits.max_input_bytes:
                raise _FailedError(
                    f"ClientError: {request.input_location} is over {self._limits.max_input_bytes} B"
                )
            body: bytes = found["Body"].read()
        except _AWS_ERRORS as error:
            self._metrics.add("RequestDownloadFailures")
            raise _FailedError(f"ClientError: could not download {request.input_location}: {error}") from None
        self._metrics.add_duration("RequestDownloadLatency", time.monotonic() - started, "Microseconds")
        return body

    def _deliver(self, request: AsyncRequest, answer: ContainerAnswer) -> None:
        started = time.monotonic()
        try:
            self._put(request.output_location, answer.body, answer.content_type)
        except _AWS_ERRORS as error:
            self._metrics.add("ResponseUploadFailures")
            raise _FailedError(f"ClientError: could not upload {request.output_location}: {error}") from None
        self._metrics.add_duration("ResponseUploadLatency", time.monotonic() - started, "Microseconds")
        self._metrics.add_duration("TotalProcessingTime", request.age, "Milliseconds")
        self._metrics.add("InvocationsProcesssed")  # AWS spells it so
        message = success_message(request, REGION, answer.content_type)
        self._tell(self._endpoint.async_config.success_topic, message)

    def _lost(self, request: AsyncRequest) -> None:
        request.losses += 1
        if request.losses > self._limits.retries_on_lost_instance:
            self._fail(
                request, _FailedError("ClientError: the model's container ended before it had answered")
            )
        elif not self._closed.is_set():
            self._backlog.put_back(request)

    def _expire(self, request: AsyncRequest) -> None:
        self._metrics.add("ExpiredRequests")
        self._fail(
            request, _FailedError(f"ClientError: expired after {request.ttl_seconds:g} s in the queue")
        )

    def _fail(self, request: AsyncRequest, failed: _FailedError) -> None:
        if self._closed.is_set():  # what a stop cuts short is no failure of the request
            return
        self._metrics.add("InvocationFailures")
        log.warning("%s failed asynchronous request %s", self._endpoint.name, request.inference_id)
        if request.failure_location:
            try:
                self._put(request.failure_location, failed.body or failed.reason.encode(), "application/json")
            except _AWS_ERRORS:
                self._metrics.add("ResponseUploadFailures")
                log.exception("a failure object could not be written")
        self._tell(self._endpoint.async_config.error_topic, failure_message(request, REGION, failed.reason))

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        bucket, key = split_location(location)
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def _tell(self, topic: str | None, message: str) -> None:
        if not topic:
            return
        try:
            self._sns.publish(TopicArn=topic, Message=message)
        except _AWS_ERRORS:
            self._metrics.add("NotificationFailures")
            log.exception("a notification could not be published")
