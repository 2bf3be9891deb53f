"""Message move tasks of SQS: what lies in a dead-letter queue goes back to where it came from, or elsewhere.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from local_aws.messaging.queues import SOURCE
from local_aws.messaging.targets import send_message
from local_aws.seams import Seams

SEAMS: Final = Seams()
_MOST_LISTED: Final = 10


@dataclass
class MoveTask:
    """One task; a thread of its own moves its messages."""

    source: Queue
    destination: str | None
    per_second: int | None
    to_move: int
    moved: int = 0
    status: str = "RUNNING"
    failure: str | None = None
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: int = field(default_factory=lambda: int(time.time() * 1_000))
    cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Move message after message, as new ones, until there is none that can be received."""
        while not self.cancelled.is_set() and (message := self._take()) is not None:
            destination = self.destination or message.system_attributes.get(SOURCE)
            try:
                if destination is None:
                    raise SQSException("CouldNotDetermineMessageSource")
                _send(destination, message)
            except Exception as error:
                with self.source._messages_lock:
                    self.source._messages.insert(0, message)
                self.status, self.failure = "FAILED", getattr(error, "message", type(error).__name__)
                return
            self.moved += 1
            self.cancelled.wait(1 / self.per_second if self.per_second else 0)
        self.status = "CANCELLED" if self.cancelled.is_set() else "COMPLETED"

    def describe(self) -> dict[str, Any]:
        """As ListMessageMoveTasks words it."""
        fields = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source.queue_arn,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _take(self) -> Message | None:
        with self.source._messages_lock:
            message = next(iter(self.source.messages), None)
            if message is not None:
                self.source._messages.remove(message)
                self.source.pending_messages.discard(message)
            return message


def _send(destination: str, message: Message) -> None:
    send_message(
        destination,
        message.body,
        message_attributes=message.message_attributes,
        group_id=message.group_id,
        deduplication_id=message.deduplication_id and str(uuid.uuid4()),  # it was sent before, and is meant
    )


class MoveTasks:
    """Every task there was, the newest first."""

    def __init__(self) -> None:
        self._tasks: list[MoveTask] = []
        self._lock = threading.Lock()

    def start(self, source: Queue, destination: str | None, per_second: int | None) -> MoveTask:
        """Begin to move what lies in a dead-letter queue."""
        with self._lock:
            if any(task.status == "RUNNING" for task in self.of(source)):
                raise _unsupported("There is already a task running. Only one active task is allowed.")
            task = MoveTask(source, destination, per_second, len(source.messages))
            self._tasks.insert(0, task)
        threading.Thread(target=task.run, name=f"aws-move-{source.name}", daemon=True).start()
        return task

    def of(self, source: Queue) -> list[MoveTask]:
        """The tasks of a queue."""
        return [task for task in self._tasks if task.source is source]

    def cancel(self, handle: str) -> MoveTask:
        """Move nothing more."""
        for task in self._tasks:
            if task.handle == handle and task.status == "RUNNING":
                task.cancelled.set()
                return task
        raise SQSException("ResourceNotFoundException", "There is no running task of this handle.")

    def stop(self) -> None:
        """Cancel every task."""
        for task in self._tasks:
            task.cancelled.set()


@SEAMS.replaces("moto.sqs.responses:SQSResponse.start_message_move_task")
def _start(tasks: MoveTasks, _absent: None, response: SQSResponse) -> ActionResult:
    source = _queue(response.sqs_backend, response._get_param("SourceArn"))
    if not response.sqs_backend.list_dead_letter_source_queues(source.name):
        raise _unsupported("Source queue must be configured as a Dead Letter Queue.")
    destination = response._get_param("DestinationArn")
    if destination is not None:
        _queue(response.sqs_backend, destination)
    task = tasks.start(source, destination, response._get_param("MaxNumberOfMessagesPerSecond"))
    return ActionResult({"TaskHandle": task.handle})


@SEAMS.replaces("moto.sqs.responses:SQSResponse.list_message_move_tasks")
def _list(tasks: MoveTasks, _absent: None, response: SQSResponse) -> ActionResult:
    source = _queue(response.sqs_backend, response._get_param("SourceArn"))
    most = min(response._get_param("MaxResults") or 1, _MOST_LISTED)
    return ActionResult({"Results": [task.describe() for task in tasks.of(source)[:most]]})


@SEAMS.replaces("moto.sqs.responses:SQSResponse.cancel_message_move_task")
def _cancel(tasks: MoveTasks, _absent: None, response: SQSResponse) -> ActionResult:
    task = tasks.cancel(response._get_param("TaskHandle"))
    return ActionResult({"ApproximateNumberOfMessagesMoved": task.moved})


def _queue(backend: SQSBackend, arn: str) -> Queue:
    for queue in backend.queues.values():
        if queue.queue_arn == arn:
            return queue
    raise SQSException("ResourceNotFoundException", f"The resource {arn} does not exist.")


def _unsupported(message: str) -> SQSException:
    return SQSException("AWS.SimpleQueueService.UnsupportedOperation", message)
