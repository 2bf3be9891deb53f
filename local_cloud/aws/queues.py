"""SQS: queues that are safe between threads and wake whoever waits.

Replaced in moto: `add_message`, which calls mapped functions in the thread of the sender and knows no faults;
`receive_message` and `delete_message`, which lose or double messages when threads meet, and notice what
becomes visible again only once a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any, Final

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, Queue, SQSBackend

from local_cloud.aws.faults import FaultPlan
from local_cloud.aws.replacing import replaced

_LONGEST_WAIT: Final = 20.0  # seconds; as a long poll
_MILLISECOND: Final = 0.001


class Queues:
    """The queues of moto, safe between threads and prompt."""

    def __init__(self, faults: FaultPlan) -> None:
        self._faults = faults
        self._stopping = threading.Event()
        self._waited_for: set[Queue] = set()

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """In the place of moto's queues inside the block; at its end every long poll ends."""
        add_fifo: Callable[[Queue, Message], None] = Queue.add_message
        receive_now: Callable[..., list[Message]] = SQSBackend.receive_message
        delete: Callable[[Queue, str], None] = Queue.delete_message
        change: Callable[..., None] = SQSBackend.change_message_visibility

        def add_message(queue: Queue, message: Message) -> None:
            if queue.fifo_queue:
                add_fifo(queue, message)
            else:
                self._add(queue, message)

        def receive_message(
            backend: SQSBackend,
            queue_name: str,
            count: int,
            wait_seconds_timeout: int,
            *told: Any,  # noqa: ANN401 - passed on
            **named: Any,  # noqa: ANN401
        ) -> list[Message]:
            queue = backend.get_queue(queue_name)
            deadline = time.monotonic() + int(wait_seconds_timeout or 0)
            with queue._messages_lock:
                while True:
                    found = receive_now(backend, queue_name, count, 0, *told, **named)
                    left = deadline - time.monotonic()
                    if found or left <= 0 or self._stopping.is_set():
                        return found
                    self._waited_for.add(queue)
                    queue._messages_lock.wait(min(left, _until_visible(queue)))

        def delete_message(queue: Queue, receipt_handle: str) -> None:
            with queue._messages_lock:
                delete(queue, receipt_handle)

        def change_visibility(backend: SQSBackend, queue_name: str, *told: Any, **named: Any) -> None:  # noqa: ANN401
            queue = backend.get_queue(queue_name)
            with queue._messages_lock:
                change(backend, queue_name, *told, **named)
                queue._messages_lock.notify_all()

        with ExitStack() as stack:
            stack.callback(self.stop_waiting)
            stack.enter_context(replaced(Queue, "add_message", add_message))
            stack.enter_context(replaced(Queue, "delete_message", delete_message))
            stack.enter_context(replaced(SQSBackend, "receive_message", receive_message))
            stack.enter_context(replaced(SQSBackend, "change_message_visibility", change_visibility))
            yield

    def stop_waiting(self) -> None:
        """Every long poll ends now."""
        self._stopping.set()
        for queue in list(self._waited_for):
            with queue._messages_lock:
                queue._messages_lock.notify_all()

    def _add(self, queue: Queue, message: Message) -> None:
        moved = message.approximate_receive_count > 0  # given up by another queue: no delivery
        delays = (0.0,) if moved else self._faults.deliveries("sqs", message.body)
        now = unix_time_millis()
        with queue._messages_lock:
            for number, delay in enumerate(delays):
                copy = message if number == 0 else deepcopy(message)
                copy.delayed_until = (
                    max(copy.delayed_until, now + delay * 1_000) if delay else copy.delayed_until
                )
                queue._messages.append(copy)
            queue._messages_lock.notify_all()


def _until_visible(queue: Queue) -> float:
    """Seconds until the next message of a queue can be received, as far as is known now."""
    now: float = unix_time_millis()
    waits = [max(message.visible_at, message.delayed_until) - now for message in queue._messages]
    return max(min(waits, default=_LONGEST_WAIT * 1_000), 0.0) / 1_000 + _MILLISECOND
