"""A stage through an asynchronous endpoint: SageMaker reads the input from S3 and writes the output there."""

from __future__ import annotations

from enum import StrEnum
from time import time
from typing import TYPE_CHECKING, Final

from hybrid_ocr.contracts.codec import MSGPACK
from hybrid_ocr.contracts.errors import ConfigurationError
from hybrid_ocr.contracts.jobs import StageTask
from hybrid_ocr.contracts.keys import JOBS, input_key
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.settle import Settler
from hybrid_ocr.storage.tickets import Invocation, Ticket, Tickets

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

GRACE_SECONDS: Final = 120
"""Beyond the time an invocation may wait and run: for its output to be written and seen."""


class Dispatched(StrEnum):
    """What dispatch did for a state."""

    ALREADY_DONE = "already-done"
    JOINED = "joined"
    SENT = "sent"


class AsyncDispatch:
    """Sends batches to asynchronous endpoints and keeps tickets for the states that wait.

    Args:
        tickets: the table of tickets.
        settler: answers at once where the output is there already.
        work: the work bucket, into which the endpoints write, under `jobs`.
        runtime: SageMaker's runtime.
        invocation_timeout_seconds: how long an endpoint may work on a batch.
        request_ttl_seconds: how long a batch may wait in the queue of an endpoint.
    """

    def __init__(
        self,
        tickets: Tickets,
        settler: Settler,
        work: Objects,
        runtime: SageMakerRuntimeClient,
        *,
        invocation_timeout_seconds: int,
        request_ttl_seconds: int,
    ) -> None:
        self._tickets, self._settler, self._work, self._runtime = tickets, settler, work, runtime
        self._timeout_seconds, self._ttl_seconds = invocation_timeout_seconds, request_ttl_seconds

    def dispatch(self, task: StageTask, endpoint: str) -> Dispatched:
        """Let a state wait for the output of a stage, which is asked for unless it is on its way already.

        The ticket is opened before anything is looked at, so an output that appears at any moment is seen
        either here or when its notice comes.

        Raises:
            ConfigurationError: the endpoint writes elsewhere than into the work bucket.
            ClientError: the endpoint takes no invocation.
        """
        ticket = self._tickets.open(task)
        if self._settler.succeed(ticket):
            self._tickets.close(ticket)
            return Dispatched.ALREADY_DONE
        if ticket.invocation and time() < ticket.deadline:
            return Dispatched.JOINED
        try:
            invocation = self._invoke(task, ticket, endpoint)
        except Exception:
            self._tickets.leave(ticket, task.token)
            raise
        self._tickets.sent(ticket, invocation)
        return Dispatched.SENT

    def _invoke(self, task: StageTask, ticket: Ticket, endpoint: str) -> Invocation:
        sent_at = time()
        folder, _, filename = ticket.output_key.removeprefix(f"{JOBS}/").rpartition("/")
        answer = self._runtime.invoke_endpoint_async(
            EndpointName=endpoint,
            ContentType=MSGPACK,
            Accept=MSGPACK,
            InferenceId=ticket.inference_id,
            InputLocation=self._work.uri(input_key(task.batch, task.stage)),
            S3OutputPathExtension=folder,
            Filename=filename,
            RequestTTLSeconds=self._ttl_seconds,
            InvocationTimeoutSeconds=self._timeout_seconds,
        )
        output, failure = answer.get("OutputLocation"), answer.get("FailureLocation")
        self._check(output, f"S3OutputPath of endpoint {endpoint}")
        self._check(failure, f"S3FailurePath of endpoint {endpoint}")
        return Invocation(
            endpoint=endpoint,
            output_uri=output or self._work.uri(ticket.output_key),
            failure_uri=failure,
            sent_at=sent_at,
            deadline=sent_at + self._ttl_seconds + self._timeout_seconds + GRACE_SECONDS,
        )

    def _check(self, location: str | None, setting: str) -> None:
        """Let SageMaker join paths as it likes, but only inside the work bucket."""
        if location is None:
            return
        try:
            self._work.key_of(location)
        except ConfigurationError as error:
            raise ConfigurationError(f"{setting}: {error.message}") from None
