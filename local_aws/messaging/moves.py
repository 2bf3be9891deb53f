"""Message move tasks of SQS: what lies in a dead-letter queue goes back to where it came from, or elsewhere.

A task is done when StartMessageMoveTask answers, so there is never one to cancel.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from local_aws.messaging.queues import SOURCE
from local_aws.messaging.targets import send_message
from local_aws.seams import Seams
from local_aws.unserved import NotServedError

SEAMS: Final = Seams()
_MOST_LISTED: Final = 10


@SEAMS.replaces("moto.sqs.responses:SQSResponse.start_message_move_task")
def _start(tasks: list[dict[str, Any]], _absent: None, response: SQSResponse) -> ActionResult:
    if response._get_param("MaxNumberOfMessagesPerSecond"):
        raise NotServedError("with MaxNumberOfMessagesPerSecond")
    source = _queue(response.sqs_backend, response._get_param("SourceArn"))
    if not response.sqs_backend.list_dead_letter_source_queues(source.name):
        text = "Source queue must be configured as a Dead Letter Queue."
        raise SQSException("AWS.SimpleQueueService.UnsupportedOperation", text)
    destination = response._get_param("DestinationArn")
    if destination is not None:
        _queue(response.sqs_backend, destination)
    task = {
        "Status": "COMPLETED",
        "SourceArn": source.queue_arn,
        "StartedTimestamp": int(time.time() * 1_000),
        "ApproximateNumberOfMessagesToMove": len(source.messages),
        "ApproximateNumberOfMessagesMoved": 0,
        **({"DestinationArn": destination} if destination else {}),
    }
    _move(source, destination, task)
    tasks.insert(0, task)
    return ActionResult({"TaskHandle": str(uuid.uuid4())})


@SEAMS.replaces("moto.sqs.responses:SQSResponse.list_message_move_tasks")
def _list(tasks: list[dict[str, Any]], _absent: None, response: SQSResponse) -> ActionResult:
    source = _queue(response.sqs_backend, response._get_param("SourceArn"))
    most = min(response._get_param("MaxResults") or 1, _MOST_LISTED)
    return ActionResult({"Results": [task for task in tasks if task["SourceArn"] == source.queue_arn][:most]})


@SEAMS.replaces("moto.sqs.responses:SQSResponse.cancel_message_move_task")
def _cancel(_tasks: list[dict[str, Any]], _absent: None, _response: SQSResponse) -> ActionResult:
    raise SQSException("ResourceNotFoundException", "There is no running task of this handle.")


def _move(source: Queue, destination: str | None, task: dict[str, Any]) -> None:
    """Send each message that can be received now, as a new one; a failure ends it and keeps its message."""
    for _ in range(task["ApproximateNumberOfMessagesToMove"]):
        if (message := _take(source)) is None:
            return
        try:
            where = destination or message.system_attributes.get(SOURCE)
            if where is None:
                raise SQSException("CouldNotDetermineMessageSource")
            again = message.deduplication_id and str(uuid.uuid4())  # it was sent before, and is meant
            attributes, group = message.message_attributes, message.group_id
            send_message(
                where, message.body, message_attributes=attributes, group_id=group, deduplication_id=again
            )
        except Exception as error:
            with source._messages_lock:
                source._messages.insert(0, message)
            task.update(Status="FAILED", FailureReason=getattr(error, "message", type(error).__name__))
            return
        task["ApproximateNumberOfMessagesMoved"] += 1


def _take(queue: Queue) -> Message | None:
    with queue._messages_lock:
        message = next(iter(queue.messages), None)
        if message is not None:
            queue._messages.remove(message)
            queue.pending_messages.discard(message)
        return message


def _queue(backend: SQSBackend, arn: str) -> Queue:
    for queue in backend.queues.values():
        if queue.queue_arn == arn:
            return queue
    raise SQSException("ResourceNotFoundException", f"The resource {arn} does not exist.")
