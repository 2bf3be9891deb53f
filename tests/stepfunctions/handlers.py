"""Functions that fail as ours may, for the local function pool; FAULT in the environment says how."""

from __future__ import annotations

import os
import signal
from time import time
from typing import Any, Final

from aws_lambda_powertools.utilities.parser import BaseModel

from hybrid_ocr.contracts.errors import CapacityError, DocumentError, EngineError, ErrorInfo, OcrError
from hybrid_ocr.contracts.jobs import StageTask
from hybrid_ocr.hosts.function import FunctionHost
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.settle import Settler
from hybrid_ocr.storage.tasks import Tasks
from hybrid_ocr.storage.tickets import Invocation, Tickets

FAILURES: Final[dict[str, OcrError]] = {
    "capacity": CapacityError("the bucket is busy"),
    "engine": EngineError("the network failed"),
    "document": DocumentError("the page is torn"),
}
FAULT: Final = os.environ.get("FAULT", "")

if FAULT == "loading":
    raise EngineError("the device is gone")

host = FunctionHost("under-test")


class Payload(BaseModel):
    """Whatever a state sends."""


@host.task(Payload)
def fail(_: Payload) -> None:
    """Raise what the stage of a function raises."""
    raise FAILURES[FAULT]


def hang(event: dict[str, Any], context: object) -> None:
    """Never answer."""
    signal.pause()


def die(event: dict[str, Any], context: object) -> None:
    """End as a process does that the kernel kills."""
    os.kill(os.getpid(), signal.SIGKILL)


@host.task(StageTask)
def settle(task: StageTask) -> None:
    """Open the ticket of a state, let its invocation fail as SageMaker tells it, and settle it."""
    work, tickets = (
        Objects(os.environ["HYBRID_OCR_WORK_BUCKET"]),
        Tickets(os.environ["HYBRID_OCR_TICKETS_TABLE"]),
    )
    ticket, sent_at = tickets.open(task), time()
    failure = f"failures/{ticket.inference_id}.out"
    late = FAULT == "late"
    invocation = Invocation(
        endpoint="an-endpoint",
        output_uri=work.uri(ticket.output_key),
        failure_uri=work.uri(failure),
        sent_at=sent_at,
        deadline=sent_at if late else sent_at + 3600,
    )
    tickets.sent(ticket, invocation)
    if not late:
        work.put(failure, _reason().encode(), "text/plain")
    Settler(tickets, Tasks(), work).settle(ticket.inference_id)


def _reason() -> str:
    """What SageMaker writes: of a container that answered, its error; of one that died, only that."""
    if FAULT == "gone":
        return "Failed to receive a response from the model"
    error = ErrorInfo.of(FAILURES[FAULT]).model_dump_json()
    return f'Received server error from model with message "{{"error":{error}}}".'
