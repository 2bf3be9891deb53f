"""What an asynchronous endpoint reads from S3, writes there, and publishes to SNS."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.sagemaker.async_request import AsyncRequest
from local_aws.sagemaker.description import AsyncConfig
from local_aws.sagemaker.instance import ContainerAnswer
from local_aws.sagemaker.metrics import VariantMetrics
from local_aws.sagemaker.parameters import split_location

log = logging.getLogger(__name__)


@dataclass
class FailedError(Exception):
    """A request that gets no output.

    Args:
        reason: as SNS gets it.
        body: of the failure object; the reason where the container has answered nothing.
    """

    reason: str
    body: bytes = b""


@dataclass(frozen=True)
class AsyncResults:
    """Inputs and results of the requests of one endpoint; `s3` and `sns` are boto3 clients."""

    metrics: VariantMetrics
    s3: Any
    sns: Any

    def input(self, request: AsyncRequest) -> bytes:
        """The body for the container. Raises FailedError."""
        location = request.values.get("InputLocation")
        if location is None:
            return request.body
        bucket, key = split_location(location)
        with self._transfer("RequestDownload", f"could not download {location}"):
            body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def deliver(self, request: AsyncRequest, config: AsyncConfig, answer: ContainerAnswer) -> None:
        """Store an output and publish its message. Raises FailedError."""
        self._put(request.output_location, answer.body, answer.content_type)
        self.metrics.add_duration("TotalProcessingTime", request.age, "Milliseconds")
        self.metrics.add("InvocationsProcesssed")  # AWS spells it so
        output = {"contentType": answer.content_type, "outputLocation": request.output_location}
        self._publish(config.success_topic, request.message("Completed", responseParameters=output))

    def fail(self, request: AsyncRequest, config: AsyncConfig, failed: FailedError) -> None:
        """Store a failure object and publish its message."""
        self.metrics.add("InvocationFailures")
        log.warning("%s failed asynchronous request %s", request.endpoint, request.inference_id)
        if request.failure_location:
            try:
                body = failed.body or failed.reason.encode()
                self._put(request.failure_location, body, "application/json")
            except FailedError:
                log.exception("a failure object could not be written")
        self._publish(config.error_topic, request.message("Failed", failureReason=failed.reason))

    def _put(self, location: str, body: bytes, content_type: str) -> None:
        bucket, key = split_location(location)
        with self._transfer("ResponseUpload", f"could not upload {location}"):
            self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type)

    def _publish(self, topic: str | None, message: str) -> None:
        try:
            if topic:
                self.sns.publish(TopicArn=topic, Message=message)
        except (ClientError, BotoCoreError):
            self.metrics.add("NotificationFailures")
            log.exception("a notification could not be published")

    @contextmanager
    def _transfer(self, name: str, failed: str) -> Iterator[None]:
        """Measure what uses S3; raises FailedError where S3 refuses."""
        started = time.monotonic()
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            self.metrics.add(f"{name}Failures")
            raise FailedError(f"ClientError: {failed}: {error}") from None
        self.metrics.add_duration(f"{name}Latency", time.monotonic() - started, "Microseconds")
