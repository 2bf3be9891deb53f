"""InvokeEndpointAsync: accept a request, let a container answer it, put the answer into S3, tell SNS."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from werkzeug import Request, Response

from local_aws.sagemaker.async_request import AsyncRequest, read_async_request
from local_aws.sagemaker.backlog import Backlog
from local_aws.sagemaker.description import AsyncConfig
from local_aws.sagemaker.endpoint import RunningEndpoint
from local_aws.sagemaker.instance import ContainerAnswer, Instance, InstanceLostError, NoAnswerError
from local_aws.sagemaker.limits import RuntimeLimits
from local_aws.sagemaker.metrics import MetricData, endpoint_gauge
from local_aws.sagemaker.parameters import split_location

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
    """The queue of an asynchronous endpoint and what serves it; safe to share between threads.

    Args:
        endpoint: its instances and its name.
        limits: of the service.
        s3: a boto3 client.
        sns: a boto3 client.
    """

    def __init__(self, endpoint: RunningEndpoint, limits: RuntimeLimits, *, s3: Any, sns: Any) -> None:
        self._endpoint, self._limits, self._metrics = endpoint, limits, endpoint.metrics
        self._s3, self._sns = s3, sns
        self._closed = threading.Event()
        self._answered = deque[Mapping[str, Any]](maxlen=_REMEMBERED)
        self._backlog = Backlog(
            endpoint.name,
            lambda: (endpoint.instances, self._config.concurrency),
            longest=limits.max_queue,
            serve=self._serve,
            expire=self._expire,
        )
        self.hand_over, self.size = self._backlog.hand_over, self._backlog.size

    def invoke(self, call: Request) -> Response:
        """Queue a request and answer 202 with the locations of its output. Raises ServiceError."""
        request = read_async_request(call, self._endpoint.name, self._config, self._limits)
        self._backlog.put(request)
        headers = {"X-Amzn-SageMaker-OutputLocation": request.output_location}
        if request.failure_location:
            headers["X-Amzn-SageMaker-FailureLocation"] = request.failure_location
        body = json.dumps({"InferenceId": request.inference_id})
        return Response(body, 202, headers, mimetype="application/json")

    def gauges(self) -> MetricData:
        """The state of the queue, as metrics of the endpoint."""
        name, size, instances = self._endpoint.name, self.size(), len(self._endpoint.instances)
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

    @property
    def _config(self) -> AsyncConfig:
        config = self._endpoint.description.asynchronous  # an update may have changed it, but not to None
        return config or AsyncConfig("")

    def _serve(self, request: AsyncRequest, instance: Instance) -> None:
        """Take one request through; runs in a thread of its own and never raises."""
        self._metrics.add_duration("TimeInBacklog", request.age, "Milliseconds")
        begun = time.time()
        try:
            try:
                answer = self._answer(request, instance)
            finally:
                self._backlog.release(instance)
            answered = time.time()
            self._deliver(request, answer)
        except InstanceLostError:
            self._lost(request)
        except _FailedError as failed:
            self._fail(request, failed)
        except Exception as error:
            log.exception("asynchronous request %s failed", request.inference_id)
            self._fail(request, _FailedError(f"InternalFailure: {type(error).__name__}"))
        else:
            times = {"accepted": request.received.timestamp(), "begun": begun, "answered": answered}
            self._answered.append({"inference_id": request.inference_id, **times})

    def _answer(self, request: AsyncRequest, instance: Instance) -> ContainerAnswer:
        """The container's answer with a status of 2xx; others are tried again as often as the limits say."""
        body = self._input(request)
        while True:
            try:
                answer = instance.invoke(request.headers(), body, request.invocation_seconds)
            except NoAnswerError:
                seconds = f"{request.invocation_seconds:g} seconds"
                raise _FailedError(f"ClientError: the model did not answer within {seconds}") from None
            self._metrics.add_duration("ModelLatency", answer.seconds, "Microseconds")
            if answer.status < 300:
                if "content-length" not in answer.headers:
                    raise _FailedError("ClientError: the model answered without a Content-Length header")
                return answer
            request.failures += 1
            again = self._limits.retries_on_4xx if answer.status < 500 else self._limits.retries_on_5xx
            if request.failures > again:
                raise _FailedError(f"ClientError: {self._endpoint.model_error(answer)}", answer.body)
            self._closed.wait(self._limits.retry_seconds * 2 ** (request.failures - 1))

    def _input(self, request: AsyncRequest) -> bytes:
        location = request.values.get("InputLocation")
        if location is None:
            return request.body
        with self._transfer("RequestDownload", f"could not download {location}"):
            bucket, key = split_location(location)
            found = self._s3.get_object(Bucket=bucket, Key=key)
            if found["ContentLength"] > self._limits.max_input_bytes:
                raise _FailedError(f"ClientError: {location} is over {self._limits.max_input_bytes} B")
            body: bytes = found["Body"].read()
            return body

    def _deliver(self, request: AsyncRequest, answer: ContainerAnswer) -> None:
        location = request.output_location
        with self._transfer("ResponseUpload", f"could not upload {location}"):
            self._put(location, answer.body, answer.content_type)
        self._metrics.add_duration("TotalProcessingTime", request.age, "Milliseconds")
        self._metrics.add("InvocationsProcesssed")  # AWS spells it so
        output = {"contentType": answer.content_type, "outputLocation": location}
        self._notify(self._config.success_topic, request.message("Completed", responseParameters=output))

    @contextmanager
    def _transfer(self, name: str, failed: str) -> Iterator[None]:
        """Measure what speaks to S3; raises _FailedError where S3 says no."""
        started = time.monotonic()
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            self._metrics.add(f"{name}Failures")
            raise _FailedError(f"ClientError: {failed}: {error}") from None
        self._metrics.add_duration(f"{name}Latency", time.monotonic() - started, "Microseconds")

    def _lost(self, request: AsyncRequest) -> None:
        request.losses += 1
        if request.losses > self._limits.retries_on_lost_instance:
            reason = "ClientError: the model's container ended before it had answered"
            self._fail(request, _FailedError(reason))
        elif not self._closed.is_set():
            self._backlog.put_back(request)

    def _expire(self, request: AsyncRequest) -> None:
        self._metrics.add("ExpiredRequests")
        reason = f"ClientError: expired after {request.ttl_seconds:g} s in the queue"
        self._fail(request, _FailedError(reason))

    def _fail(self, request: AsyncRequest, failed: _FailedError) -> None:
        if self._closed.is_set():  # what a stop cuts short is no failure of the request
            return
        self._metrics.add("InvocationFailures")
        log.warning("%s failed asynchronous request %s", self._endpoint.name, request.inference_id)
        if request.failure_location:
            try:
                self._put(request.failure_location, failed.body or failed.reason.encode(), "application/json")
            except (ClientError, BotoCoreError):
                self._metrics.add("ResponseUploadFailures")
                log.exception("a failure object could not be written")
        self._notify(self._config.error_topic, request.message("Failed", failureReason=failed.reason))

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        bucket, key = split_location(location)
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def _notify(self, topic: str | None, message: str) -> None:
        if not topic:
            return
        try:
            self._sns.publish(TopicArn=topic, Message=message)
        except (ClientError, BotoCoreError):
            self._metrics.add("NotificationFailures")
            log.exception("a notification could not be published")
