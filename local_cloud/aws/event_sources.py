"""Event source mappings: Lambda's pollers, which feed the messages of a queue to a function.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

from local_cloud.aws.events import Invoke

_log = logging.getLogger(__name__)
_LONG_POLL: Final = 1  # seconds; how soon a mapping that was disabled is noticed


@dataclass(frozen=True)
class Source:
    """A queue that feeds a function.

    Args:
        function: its name.
        concurrency: how many batches may be with the function at once.
        redelivery_seconds: after how long a message comes back that the function failed on. AWS waits for the
            visibility timeout of the queue, minutes that nobody waits for at a desk.
    """

    queue: str
    function: str
    batch_size: int
    concurrency: int
    redelivery_seconds: int


class EventSource:
    """Polls one queue for one function, as Lambda does: what succeeded is deleted, the rest comes back."""

    def __init__(self, backend: SQSBackend, source: Source, invoke: Invoke) -> None:
        self._backend, self._source, self._invoke = backend, source, invoke
        self._slots = threading.Semaphore(source.concurrency)
        self._stopping = threading.Event()
        self._batches = ThreadPoolExecutor(source.concurrency, thread_name_prefix=f"aws-{source.function}")
        self._thread = threading.Thread(target=self._poll, name=f"aws-poll-{source.queue}", daemon=True)

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
        source = self._source
        queue = self._backend.get_queue(source.queue)
        while True:
            self._slots.acquire()
            messages: list[Message] = []
            while not messages:
                while not self._enabled(queue) and not self._stopping.wait(_LONG_POLL):
                    pass
                if self._stopping.is_set():
                    return
                messages = self._backend.receive_message(
                    source.queue, source.batch_size, _LONG_POLL, queue.visibility_timeout, ["All"]
                )
            self._batches.submit(self._feed, messages)

    def _enabled(self, queue: Queue) -> bool:
        """What the mapping's record says: an operator pauses a function with UpdateEventSourceMapping."""
        records = queue.lambda_event_source_mappings.items()
        return any(
            record.enabled for arn, record in list(records) if arn.endswith(f":{self._source.function}")
        )

    def _feed(self, messages: Sequence[Message]) -> None:
        try:
            failed = self._failed(messages)
            for message in messages:
                self._settle(message, message.id in failed)
        except Exception:
            _log.exception("a batch for %s was lost from sight; it comes back", self._source.function)
        finally:
            self._slots.release()

    def _failed(self, messages: Sequence[Message]) -> set[str]:
        """Ids of the messages that the function did not process."""
        queue = self._backend.get_queue(self._source.queue)
        event = {"Records": [_record(message, queue) for message in messages]}
        everything = {message.id for message in messages}
        try:
            answer = self._invoke(self._source.function, json.dumps(event).encode())
        except Exception as error:
            _log.warning("%s could not be called: %s", self._source.function, type(error).__name__)
            return everything
        if answer.error is not None:
            return everything
        told = _item_failures(answer.payload)
        return everything if told is None or told - everything else told

    def _settle(self, message: Message, failed: bool) -> None:
        try:
            if failed:
                self._backend.change_message_visibility(
                    self._source.queue, message.receipt_handle, self._source.redelivery_seconds
                )
            else:
                self._backend.delete_message(self._source.queue, message.receipt_handle)
        except ReceiptHandleIsInvalid:  # purged, or given to another receiver meanwhile
            _log.info("a message of %s was gone when its batch ended", self._source.queue)


def _item_failures(payload: bytes) -> set[str] | None:
    """The ids that an answer names as failed; None where it names none properly, which fails the whole batch.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    try:
        told = json.loads(payload or b"null")
    except ValueError:
        return None
    if not isinstance(told, Mapping) or not told.get("batchItemFailures"):
        return set()
    found = [
        item.get("itemIdentifier") if isinstance(item, Mapping) else None
        for item in told["batchItemFailures"]
    ]
    names = {name for name in found if isinstance(name, str) and name}
    return names if len(names) == len(set(found)) else None


def _record(message: Message, queue: Queue) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
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
