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
from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS, Message, Queue, SQSBackend, sqs_backends

from local_aws.account import ACCOUNT, REGION
from local_aws.messaging.faults import FaultPlan
from local_aws.seams import Seams

SEAMS: Final = Seams()
SOURCE: Final = "local-aws-source"
"""The system attribute of a message in a dead-letter queue with the ARN of the queue that gave it up."""
_QUEUE: Final = "local-aws-queue"
_LONGEST_WAIT: Final = 20_000.0  # milliseconds; as a long poll


class Queues:
    """What the queues of moto have beside their messages."""

    def __init__(self, faults: FaultPlan) -> None:
        self.faults = faults
        self.stopping = threading.Event()
        self.sequence = itertools.count(1)
        self.sent: WeakKeyDictionary[Queue, dict[object, float]] = WeakKeyDictionary()
        """When a FIFO queue was sent what, by deduplication id."""

    def stop(self) -> None:
        """End every long poll."""
        self.stopping.set()
        for queue in list(sqs_backends[ACCOUNT][REGION].queues.values()):
            with queue._messages_lock:
                queue._messages_lock.notify_all()


@SEAMS.replaces("moto.sqs.models:Queue.add_message")
def _add_message(queues: Queues, _original: object, queue: Queue, message: Message) -> None:
    """Put a message into a queue; a standard one gets it as often and as late as the faults ask."""
    moved = message.approximate_receive_count > 0  # given up by another queue: no delivery
    message.system_attributes[SOURCE] = message.system_attributes.get(_QUEUE) if moved else None
    message.system_attributes[_QUEUE] = queue.queue_arn
    delays = (0.0,) if moved or queue.fifo_queue else queues.faults.deliveries("sqs", message.body)
    now = unix_time_millis()
    with queue._messages_lock:
        if queue.fifo_queue and not moved:
            if _is_duplicate(queues.sent.setdefault(queue, {}), queue, message):
                return
            message.sequence_number = f"{next(queues.sequence):020d}"
        for number, delay in enumerate(delays):
            copy = message if number == 0 else deepcopy(message)
            if delay:
                copy.delayed_until = max(copy.delayed_until, now + delay * 1_000)
            queue._messages.append(copy)
        queue._messages_lock.notify_all()


def _is_duplicate(sent: dict[object, float], queue: Queue, message: Message) -> bool:
    """Whether a FIFO queue was sent the same in the last five minutes, received and deleted or not."""
    now = time.monotonic()
    for key in [key for key, at in sent.items() if now - at >= DEDUPLICATION_TIME_IN_SECONDS]:
        del sent[key]
    group = message.group_id if queue.deduplication_scope == "messageGroup" else None
    return sent.setdefault((group, message.deduplication_id), now) != now


@SEAMS.replaces("moto.sqs.models:SQSBackend.receive_message")
def _receive_message(
    queues: Queues,
    original: Callable[..., list[Message]],
    backend: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds: int,
    *others: Any,
) -> list[Message]:
    """What a queue has to give, as soon as it has; nothing after that many seconds."""
    queue, deadline = backend.get_queue(queue_name), time.monotonic() + int(wait_seconds or 0)
    with queue._messages_lock:
        while True:
            found = original(backend, queue_name, count, 0, *others)
            left = deadline - time.monotonic()
            if found or left <= 0 or queues.stopping.is_set():
                return found
            queue._messages_lock.wait(min(left, _until_visible(queue)))


def _until_visible(queue: Queue) -> float:
    """Seconds until the next message of a queue comes back that is hidden now."""
    now: float = unix_time_millis()
    ends = (max(message.visible_at, message.delayed_until) for message in queue._messages)
    return (min((end - now for end in ends if end >= now), default=_LONGEST_WAIT) + 1) / 1_000


@SEAMS.replaces("moto.sqs.models:Queue.delete_message")
def _delete_message(_queues: Queues, original: Callable[..., None], queue: Queue, handle: str) -> None:
    with queue._messages_lock:
        original(queue, handle)
        queue._messages_lock.notify_all()  # the next of its group can be received


@SEAMS.replaces("moto.sqs.models:SQSBackend.change_message_visibility")
def _change_visibility(
    _queues: Queues,
    original: Callable[..., None],
    backend: SQSBackend,
    queue_name: str,
    *others: Any,
    **named: Any,
) -> None:
    queue = backend.get_queue(queue_name)
    with queue._messages_lock:
        original(backend, queue_name, *others, **named)
        queue._messages_lock.notify_all()
