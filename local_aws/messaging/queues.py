"""SQS: queues that are safe between threads and wake whoever waits."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final
from weakref import WeakKeyDictionary

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, Queue, SQSBackend

from local_aws.messaging.faults import FaultPlan
from local_aws.seams import Seams

SEAMS: Final = Seams()
SOURCE: Final = "local-aws-source"
"""The system attribute of a message in a dead-letter queue with the ARN of the queue that gave it up."""
_QUEUE: Final = "local-aws-queue"
_LONGEST_WAIT: Final = 20.0  # seconds; as a long poll
_MILLISECOND: Final = 0.001
_DEDUPLICATION_SECONDS: Final = 300.0


class Queues:
    """The queues of moto, safe between threads and prompt."""

    def __init__(self, faults: FaultPlan) -> None:
        self._faults = faults
        self._stopping = threading.Event()
        self._waited_for: set[Queue] = set()
        self._sequence = itertools.count(1)
        self._sent: WeakKeyDictionary[Queue, dict[object, float]] = WeakKeyDictionary()

    def receive(
        self, queue: Queue, wait_seconds: float, receive_now: Callable[[], list[Message]]
    ) -> list[Message]:
        """What a queue has to give, as soon as it has; nothing after that many seconds."""
        deadline = time.monotonic() + wait_seconds
        with queue._messages_lock:
            while True:
                found = receive_now()
                left = deadline - time.monotonic()
                if found or left <= 0 or self._stopping.is_set():
                    return found
                self._waited_for.add(queue)
                queue._messages_lock.wait(min(left, _until_visible(queue)))

    def stop_waiting(self) -> None:
        """Every long poll ends now."""
        self._stopping.set()
        for queue in list(self._waited_for):
            with queue._messages_lock:
                queue._messages_lock.notify_all()

    def add(self, queue: Queue, message: Message) -> None:
        """Put a message into a queue; a standard one gets it as often and as late as the faults say."""
        moved = message.approximate_receive_count > 0  # given up by another queue: no delivery
        message.system_attributes[SOURCE] = message.system_attributes.get(_QUEUE) if moved else None
        message.system_attributes[_QUEUE] = queue.queue_arn
        once = moved or queue.fifo_queue
        delays = (0.0,) if once else self._faults.deliveries("sqs", message.body)
        now = unix_time_millis()
        with queue._messages_lock:
            if queue.fifo_queue and not moved:
                if self._is_duplicate(queue, message):
                    return
                message.sequence_number = f"{next(self._sequence):020d}"
            for number, delay in enumerate(delays):
                copy = message if number == 0 else deepcopy(message)
                copy.delayed_until = (
                    max(copy.delayed_until, now + delay * 1_000) if delay else copy.delayed_until
                )
                queue._messages.append(copy)
            queue._messages_lock.notify_all()

    def _is_duplicate(self, queue: Queue, message: Message) -> bool:
        """Whether a FIFO queue was sent the same in the last five minutes, received and deleted or not."""
        now = time.monotonic()
        sent = self._sent.setdefault(queue, {})
        for key in [key for key, at in sent.items() if now - at >= _DEDUPLICATION_SECONDS]:
            del sent[key]
        group = message.group_id if queue.deduplication_scope == "messageGroup" else None
        key = (group, message.deduplication_id)
        return sent.setdefault(key, now) != now


@SEAMS.replaces("moto.sqs.models:Queue.add_message")
def _add_message(queues: Queues, _original: object, queue: Queue, message: Message) -> None:
    queues.add(queue, message)


@SEAMS.replaces("moto.sqs.models:SQSBackend.receive_message")
def _receive_message(
    queues: Queues,
    original: Callable[..., list[Message]],
    backend: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    *args: Any,
    **kwargs: Any,
) -> list[Message]:
    return queues.receive(
        backend.get_queue(queue_name),
        int(wait_seconds_timeout or 0),
        lambda: original(backend, queue_name, count, 0, *args, **kwargs),
    )


@SEAMS.replaces("moto.sqs.models:Queue.delete_message")
def _delete_message(
    _queues: Queues, original: Callable[..., None], queue: Queue, receipt_handle: str
) -> None:
    with queue._messages_lock:
        original(queue, receipt_handle)


@SEAMS.replaces("moto.sqs.models:SQSBackend.change_message_visibility")
def _change_visibility(
    _queues: Queues,
    original: Callable[..., None],
    backend: SQSBackend,
    queue_name: str,
    *args: Any,
    **kwargs: Any,
) -> None:
    queue = backend.get_queue(queue_name)
    with queue._messages_lock:
        original(backend, queue_name, *args, **kwargs)
        queue._messages_lock.notify_all()


def _until_visible(queue: Queue) -> float:
    """Seconds until the next message of a queue can be received, as far as is known now."""
    now: float = unix_time_millis()
    pending, groups = queue.pending_messages, queue.pending_message_groups if queue.fifo_queue else set()
    waits = [
        max(message.visible_at, message.delayed_until) - now
        for message in queue._messages
        if message in pending or message.group_id not in groups  # else it waits for one before it
    ]
    return max(min(waits, default=_LONGEST_WAIT * 1_000), 0.0) / 1_000 + _MILLISECOND
