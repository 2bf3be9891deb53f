"""A stage through a real-time endpoint: as many calls as a batch needs, each retried until a deadline."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hybrid_ocr.contracts.codec import MSGPACK, decode, encode
from hybrid_ocr.contracts.errors import CapacityError, EngineError, OcrError, RequestError
from hybrid_ocr.contracts.jobs import EndpointStage, StageTask
from hybrid_ocr.contracts.keys import input_key, output_key
from hybrid_ocr.contracts.messages import Batch
from hybrid_ocr.storage.failures import failure_of
from hybrid_ocr.storage.faults import code_of, is_transient
from hybrid_ocr.storage.objects import Objects
from hybrid_ocr.storage.tasks import Tasks
from lambdas.dispatch.bodies import INPUTS, OUTPUTS, merge, split_batch

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

RUNTIME_CONFIG: Final = Config(
    retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=65, max_pool_connections=32
)
"""SageMaker ends a real-time call after 60 s. Retries are made here, where the deadline is known."""

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0

_BUSY_STATUS: Final = frozenset({429, 503, 530})


class RealtimeDispatch:
    """Reads batches through real-time endpoints.

    Args:
        work: the work bucket, with inputs and outputs.
        tasks: answers the states.
        runtime: SageMaker's runtime, which retries nothing itself.
        max_body_bytes: of one call.
        parallel_bodies: calls at once.
    """

    def __init__(
        self,
        work: Objects,
        tasks: Tasks,
        runtime: SageMakerRuntimeClient,
        *,
        max_body_bytes: int,
        parallel_bodies: int,
    ) -> None:
        self._work, self._tasks, self._runtime = work, tasks, runtime
        self._max_body_bytes, self._parallel_bodies = max_body_bytes, parallel_bodies

    def dispatch(self, task: StageTask, endpoint: str, seconds: float) -> bool:
        """Write the output of a stage within so many seconds, and answer the state that waits for it.

        Returns:
            whether the state still waited.

        Raises:
            CapacityError: the endpoint was busy until the deadline.
            OcrError: what the container answers, or what splitting the batch raises.
        """
        key = output_key(task.batch, task.stage)
        if not self._work.exists(key):
            output = self._read(task, endpoint, monotonic() + seconds)
            self._work.put_first(key, encode(output), MSGPACK)
        return self._tasks.succeed(task.token)

    def _read(self, task: StageTask, endpoint: str, deadline: float) -> Batch:
        stage = task.stage
        batch = self._work.read(input_key(task.batch, stage), INPUTS[stage])
        parts = split_batch(batch, stage, self._max_body_bytes)

        def call(body: bytes) -> Batch:
            return self._answer(endpoint, stage, body, deadline)

        with ThreadPoolExecutor(self._parallel_bodies) as pool:
            answers = list(pool.map(call, parts.bodies))
        return merge(batch, stage, parts.failed, answers)

    def _answer(self, endpoint: str, stage: EndpointStage, body: bytes, deadline: float) -> Batch:
        def invoke() -> bytes:
            answer = self._runtime.invoke_endpoint(
                EndpointName=endpoint, Body=body, ContentType=MSGPACK, Accept=MSGPACK
            )
            return answer["Body"].read()

        try:
            return decode(OUTPUTS[stage], retry_while_busy(invoke, deadline))
        except RequestError as error:
            raise EngineError(f"{stage} answered what is {error.message}") from None


def retry_while_busy(invoke: Callable[[], bytes], deadline: float) -> bytes:
    """The answer of an endpoint that may be busy: tried again, with pauses of full jitter, until a deadline.

    Args:
        invoke: the call.
        deadline: of `time.monotonic`; no try starts after it.

    Raises:
        CapacityError: it was busy to the end.
        OcrError: the container's own error.
        ClientError: SageMaker refused the call.
    """
    longest = FIRST_PAUSE_SECONDS
    while True:
        try:
            return invoke()
        except (BotoCoreError, ClientError) as error:
            if not _busy(error):
                raise _container_error(error) or error from None
        pause = random.uniform(0, longest)  # noqa: S311 - jitter is no secret
        if monotonic() + pause >= deadline:
            raise CapacityError("the real-time endpoint was busy until the deadline")
        sleep(pause)
        longest = min(2 * longest, LONGEST_PAUSE_SECONDS)


def _busy(error: BotoCoreError | ClientError) -> bool:
    if isinstance(error, ClientError) and code_of(error) == "ModelError":
        return error.response.get("OriginalStatusCode") in _BUSY_STATUS
    return is_transient(error)


def _container_error(error: Exception) -> OcrError | None:
    if not isinstance(error, ClientError) or code_of(error) != "ModelError":
        return None
    info = failure_of(str(error.response.get("OriginalMessage", "")))
    return OcrError(info.message, code=info.code)
