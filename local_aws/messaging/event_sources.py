"""Event source mappings: Lambda's pollers, which feed the messages of a queue to a function.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from moto.awslambda.models import EventSourceMapping, LambdaBackend, lambda_backends
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.messaging.targets import Invoke, function_of
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_log = logging.getLogger(__name__)
_LONG_POLL: Final = 1  # seconds; how soon a mapping that was disabled is noticed
_REFUSED: Final = ("FilterCriteria", "MaximumBatchingWindowInSeconds", "ProvisionedPollerConfig")


class EventSources:
    """A poller for each mapping of a queue: what a function succeeds on is deleted, the rest comes back.

    Args:
        invoke: calls a function by its name; from several threads at once.
        redelivery_seconds: after how long a message comes back that the function failed on.
    """

    def __init__(self, invoke: Invoke, redelivery_seconds: int) -> None:
        self._invoke, self._redelivery_seconds = invoke, redelivery_seconds
        self._backend: SQSBackend = sqs_backends[ACCOUNT][REGION]
        self._mappings = lambda_backends[ACCOUNT][REGION]._event_source_mappings
        self._pollers: list[threading.Thread] = []
        self.stopping = threading.Event()
        """Set to take no further batch."""

    def start(self) -> None:
        """Poll for the mappings that are there already."""
        for mapping in list(self._mappings.values()):
            self.add(mapping)

    def add(self, mapping: EventSourceMapping) -> None:
        """Poll for a mapping, until it is deleted."""
        poller = threading.Thread(target=self._poll, args=(mapping,), name="aws-poll", daemon=True)
        self._pollers.append(poller)
        poller.start()

    def join(self) -> None:
        """Wait until no poller takes a batch. Batches under way end by themselves."""
        for poller in self._pollers:
            poller.join()

    def _poll(self, mapping: EventSourceMapping) -> None:
        queue = self._backend.get_queue(mapping.event_source_arn.rpartition(":")[2])
        concurrency = _concurrency(mapping)
        slots, pool = threading.Semaphore(concurrency), ThreadPoolExecutor(concurrency)
        while not self.stopping.is_set() and mapping.uuid in self._mappings:
            if not mapping.enabled:  # an operator pauses a function with UpdateEventSourceMapping
                self.stopping.wait(_LONG_POLL)
            elif slots.acquire(timeout=_LONG_POLL):
                size, hidden = mapping.batch_size, queue.visibility_timeout
                messages = self._backend.receive_message(queue.name, size, _LONG_POLL, hidden, ["All"])
                if messages:
                    batch = pool.submit(self._feed, mapping, queue, messages)
                    batch.add_done_callback(lambda _: slots.release())
                else:
                    slots.release()
        pool.shutdown(wait=False)

    def _feed(self, mapping: EventSourceMapping, queue: Queue, messages: Sequence[Message]) -> None:
        try:
            failed = self._failed(mapping, queue, messages)
            for message in messages:
                self._settle(queue, message, message.id in failed)
        except Exception:
            _log.exception("a batch of %s has failed and comes back", queue.name)

    def _failed(self, mapping: EventSourceMapping, queue: Queue, messages: Sequence[Message]) -> set[str]:
        """Ids of the messages that the function did not process."""
        function = function_of(mapping.function_arn)
        event = {"Records": [_record(message, queue) for message in messages]}
        everything = {message.id for message in messages}
        try:
            answer = self._invoke(function, json.dumps(event).encode())
        except Exception as error:
            _log.warning("%s could not be called: %s", function, type(error).__name__)
            return everything
        if answer.error is not None:
            return everything
        if "ReportBatchItemFailures" not in (mapping.function_response_types or ()):
            return set()
        failed = _item_failures(answer.payload)
        return everything if failed is None or failed - everything else failed

    def _settle(self, queue: Queue, message: Message, failed: bool) -> None:
        handle = message.receipt_handle
        try:
            if failed:
                self._backend.change_message_visibility(queue.name, handle, self._redelivery_seconds)
            else:
                self._backend.delete_message(queue.name, handle)
        except ReceiptHandleIsInvalid:  # purged, or given to another receiver meanwhile
            _log.info("a message of %s was gone when its batch ended", queue.name)


@SEAMS.replaces("moto.awslambda.models:LambdaBackend.create_event_source_mapping")
def _create_mapping(
    sources: EventSources, original: Callable[..., Any], backend: LambdaBackend, spec: dict[str, Any]
) -> EventSourceMapping:
    if not str(spec.get("EventSourceArn")).startswith("arn:aws:sqs:"):
        raise NotServedError(f"with {spec.get('EventSourceArn')}, only with queues")
    _check(spec)
    mapping = original(backend, spec)
    sources.add(mapping)
    return mapping


@SEAMS.replaces("moto.awslambda.models:LambdaBackend.update_event_source_mapping")
def _update_mapping(
    _sources: EventSources,
    original: Callable[..., Any],
    backend: LambdaBackend,
    uuid: str,
    spec: dict[str, Any],
) -> Any:
    _check(spec)
    return original(backend, uuid, spec)


def _check(spec: Mapping[str, Any]) -> None:
    for name in _REFUSED:
        if spec.get(name):
            raise NotServedError(f"with {name}")


def _concurrency(mapping: EventSourceMapping) -> int:
    """How many batches may be with the function at once; Lambda begins with five."""
    most = (mapping.scaling_config or {}).get("MaximumConcurrency")
    function = lambda_backends[ACCOUNT][REGION].get_function(function_of(mapping.function_arn))
    return int(most or function.reserved_concurrency or 5)


def _item_failures(payload: bytes) -> set[str] | None:
    """The ids that an answer names as failed; None where it names none properly, which fails the whole batch.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    try:
        answer = json.loads(payload or b"null")
        failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
        names = [failure["itemIdentifier"] for failure in failures or ()]
    except (ValueError, TypeError, KeyError):
        return None
    return set(names) if all(isinstance(name, str) and name for name in names) else None


def _record(message: Message, queue: Queue) -> dict[str, Any]:
    of_fifo = {
        "SequenceNumber": message.sequence_number,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
    }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
            **{name: value for name, value in of_fifo.items() if value is not None},
        },
        "messageAttributes": {
            name: {
                "dataType": value["DataType"],
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }
