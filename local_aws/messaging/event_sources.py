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


class EventSources:
    """A poller for each mapping of a queue, from the moment it is made until it is deleted.

    Args:
        invoke: calls a function by its name; from several threads at once.
        redelivery_seconds: after how long a message comes back that the function failed on. AWS waits for the
            visibility timeout of the queue, minutes that nobody waits for at a desk.
    """

    def __init__(self, invoke: Invoke, redelivery_seconds: int) -> None:
        self._invoke, self._redelivery_seconds = invoke, redelivery_seconds
        self._sources: list[EventSource] = []

    def start(self) -> None:
        """Poll for the mappings that are there already."""
        for mapping in list(lambda_backends[ACCOUNT][REGION]._event_source_mappings.values()):
            self.add(mapping)

    def add(self, mapping: EventSourceMapping) -> None:
        """Poll for a mapping."""
        source = EventSource(mapping, self._invoke, self._redelivery_seconds)
        self._sources.append(source)
        source.start()

    def end(self) -> None:
        """Take no further batch."""
        for source in self._sources:
            source.end()

    def join(self) -> None:
        """Wait until all have ended. Batches under way end by themselves."""
        for source in self._sources:
            source.join()


@SEAMS.replaces("moto.awslambda.models:LambdaBackend.create_event_source_mapping")
def _create_mapping(
    sources: EventSources,
    original: Callable[..., EventSourceMapping],
    backend: LambdaBackend,
    spec: dict[str, Any],
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
    if (spec.get("FilterCriteria") or {}).get("Filters"):
        raise NotServedError("with FilterCriteria")


class EventSource:
    """Polls one queue for one function, as Lambda does: what succeeded is deleted, the rest comes back."""

    def __init__(self, mapping: EventSourceMapping, invoke: Invoke, redelivery_seconds: int) -> None:
        self._mapping, self._invoke, self._redelivery_seconds = mapping, invoke, redelivery_seconds
        self._queue = mapping.event_source_arn.rpartition(":")[2]
        self._function = function_of(mapping.function_arn)
        self._backend: SQSBackend = sqs_backends[ACCOUNT][REGION]
        concurrency = _concurrency(mapping, self._function)
        self._slots = threading.Semaphore(concurrency)
        self._stopping = threading.Event()
        self._batches = ThreadPoolExecutor(concurrency, thread_name_prefix=f"aws-{self._function}")
        self._thread = threading.Thread(target=self._poll, name=f"aws-poll-{self._queue}", daemon=True)

    def start(self) -> None:
        """Poll from now on."""
        self._thread.start()

    def end(self) -> None:
        """Take no further batch."""
        self._stopping.set()
        self._slots.release()

    def join(self) -> None:
        """Wait until it has ended. Batches under way end by themselves; what failed stays with the queue."""
        self._thread.join()
        self._batches.shutdown(wait=False, cancel_futures=True)

    def _poll(self) -> None:
        mappings = lambda_backends[ACCOUNT][REGION]._event_source_mappings
        queue = self._backend.get_queue(self._queue)
        while True:
            self._slots.acquire()
            messages: list[Message] = []
            while not messages:
                # An operator pauses a function with UpdateEventSourceMapping.
                while not self._mapping.enabled and not self._stopping.wait(_LONG_POLL):
                    pass
                if self._stopping.is_set() or self._mapping.uuid not in mappings:
                    return
                messages = self._backend.receive_message(
                    self._queue, self._mapping.batch_size, _LONG_POLL, queue.visibility_timeout, ["All"]
                )
            self._batches.submit(self._feed, messages)

    def _feed(self, messages: Sequence[Message]) -> None:
        try:
            failed = self._failed(messages)
            for message in messages:
                self._settle(message, message.id in failed)
        except Exception:
            _log.exception("a batch for %s was lost from sight; it comes back", self._function)
        finally:
            self._slots.release()

    def _failed(self, messages: Sequence[Message]) -> set[str]:
        """Ids of the messages that the function did not process."""
        queue = self._backend.get_queue(self._queue)
        event = {"Records": [_record(message, queue) for message in messages]}
        everything = {message.id for message in messages}
        try:
            answer = self._invoke(self._function, json.dumps(event).encode())
        except Exception as error:
            _log.warning("%s could not be called: %s", self._function, type(error).__name__)
            return everything
        if answer.error is not None:
            return everything
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or ()):
            return set()
        failed = _item_failures(answer.payload)
        return everything if failed is None or failed - everything else failed

    def _settle(self, message: Message, failed: bool) -> None:
        try:
            if failed:
                self._backend.change_message_visibility(
                    self._queue, message.receipt_handle, self._redelivery_seconds
                )
            else:
                self._backend.delete_message(self._queue, message.receipt_handle)
        except ReceiptHandleIsInvalid:  # purged, or given to another receiver meanwhile
            _log.info("a message of %s was gone when its batch ended", self._queue)


def _concurrency(mapping: EventSourceMapping, function: str) -> int:
    """How many batches may be with the function at once; Lambda begins with five."""
    most = (mapping.scaling_config or {}).get("MaximumConcurrency")
    record = lambda_backends[ACCOUNT][REGION].get_function(function)
    return int(most or record.reserved_concurrency or 5)


def _item_failures(payload: bytes) -> set[str] | None:
    """The ids that an answer names as failed; None where it names none properly, which fails the whole batch.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return None
    if not isinstance(answer, Mapping) or not answer.get("batchItemFailures"):
        return set()
    found = [
        item.get("itemIdentifier") if isinstance(item, Mapping) else None
        for item in answer["batchItemFailures"]
    ]
    names = {name for name in found if isinstance(name, str) and name}
    return names if len(names) == len(set(found)) else None


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
