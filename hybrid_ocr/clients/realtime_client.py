"""One page while the caller waits: region and text detection at once, then OCR."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import boto3
from botocore.config import Config

from hybrid_ocr.clients.connection import Connection, connect
from hybrid_ocr.clients.errors import error_in
from hybrid_ocr.clients.retry import Deadline, retry_while_busy
from hybrid_ocr.contracts.base import Message, PageNumber, Pixels
from hybrid_ocr.contracts.codec import JSON, MSGPACK, MediaType, decode
from hybrid_ocr.contracts.errors import DocumentError, EngineError, ErrorCode, OcrError, RequestError
from hybrid_ocr.contracts.geometry import IDENTITY, Matrix3x3
from hybrid_ocr.contracts.jobs import EndpointStage
from hybrid_ocr.contracts.messages import (
    Batch,
    FailedPage,
    ModelIdentity,
    PageAnswer,
    PageImage,
    PageRegions,
    PageText,
    RecognisedLine,
    Region,
    Seconds,
    StageName,
)
from hybrid_ocr.contracts.stages import ENDPOINTS, STAGES, chain

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

M = TypeVar("M", bound=Message)
AnswerT = TypeVar("AnswerT", bound=PageAnswer)

_TURNS: Final[StageName] = "rotation"
_ENDS: Final[tuple[EndpointStage, ...]] = ("region_detection", "ocr")
"""Whose answers make a `PageResult`. Other stages are not asked: a caller who waits pays for each."""

LARGEST_BODY: Final = 6_291_456
"""Bytes of a body to a SageMaker endpoint and of a payload to a Lambda function (6 MiB, both API models)."""
LONGEST_CALL: Final = 60.0
"""Seconds; a real-time endpoint must answer within them."""
_FORMATS: Final[tuple[tuple[str, Callable[[bytes], bool]], ...]] = (
    ("jpeg", lambda data: data.startswith(b"\xff\xd8\xff")),
    ("png", lambda data: data.startswith(b"\x89PNG\r\n\x1a\n")),
    ("tiff", lambda data: data.startswith((b"II*\0", b"MM\0*"))),
    ("webp", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP"),
)


class PageResult(Message):
    """What was read on one page.

    Coordinates are pixels of the upright page, `width` x `height`; `to_original` leads back to the image that
    was sent. Lines, and the text made of them, stand as they were found, from top to bottom;
    `seconds` is the models' own time, stage by stage.
    """

    number: PageNumber = 1
    width: Pixels
    height: Pixels
    to_original: Matrix3x3
    regions: tuple[Region, ...]
    lines: tuple[RecognisedLine, ...]
    text: str
    models: dict[StageName, ModelIdentity]
    seconds: dict[StageName, Seconds]


class RealtimeClient:
    """Reads single pages through the real-time endpoints. Safe to share between threads.

    Args:
        stage: of the deployment, see `connect`.
        session: where credentials and region come from, see `connect`.
        deadline: seconds that one page may take, with all attempts.
        connections: calls in flight at once; each page has two.
        connection: in place of stage and session.
    """

    def __init__(
        self,
        stage: str | None = None,
        session: boto3.Session | None = None,
        *,
        deadline: float = 60.0,
        connections: int = 32,
        connection: Connection | None = None,
    ) -> None:
        self._connection = connection or connect(stage, session)
        self._seconds = deadline
        self._config = Config(
            # What is tried again is decided by `retry_while_busy`.
            retries={"mode": "standard", "total_max_attempts": 1},
            read_timeout=min(deadline, LONGEST_CALL),
            connect_timeout=min(deadline, 5.0),
            max_pool_connections=connections,
            tcp_keepalive=True,
            parameter_validation=False,
        )
        self._runtime: SageMakerRuntimeClient = self._connection.client("sagemaker-runtime", self._config)
        self._functions: LambdaClient = self._connection.client("lambda", self._config)
        self._pool = ThreadPoolExecutor(connections, "realtime-client")

    def read(self, image: bytes, *, upright: bool = False) -> PageResult:
        """Read one page.

        Args:
            image: a JPEG, PNG, TIFF or WebP of at most 6 MiB (4.5 MiB where it is to be turned).
            upright: turn it upright first; for a scan or photo that may lie on its side or askew.

        Raises:
            RequestError: BODY_TOO_LARGE.
            DocumentError: no such image, or one that cannot be decoded.
            CapacityError: the endpoints had no room until the deadline.
            EngineError: STAGE_TIMEOUT, the deadline passed; or the network failed.
            ConfigurationError: the endpoints are not there, or may not be called.
        """
        deadline = Deadline.after(self._seconds)
        page = self._upright(image, deadline) if upright else None
        data = page.data if page else image
        media_type = f"image/{page.encoding if page else _encoding_of(image)}"
        ways = [[stage for stage in ENDPOINTS if stage in chain(end)] for end in _ENDS]
        futures = [self._pool.submit(self._follow, way, data, media_type, deadline) for way in ways]
        _settle(deadline, *futures)
        answers = {way[-1]: future.result() for way, future in zip(ways, futures, strict=True)}
        regions, text = (answers[end] for end in _ENDS)
        seconds: dict[StageName, float] = {_TURNS: page.seconds} if page else {}
        found = _only_page(text, PageText)
        return PageResult(
            width=found.width,
            height=found.height,
            to_original=page.to_original if page else IDENTITY,
            regions=_only_page(regions, PageRegions).regions,
            lines=found.lines,
            text="\n".join(line.text for line in found.lines if line.text),
            models={name: model for batch in answers.values() for name, model in batch.models.items()},
            seconds=seconds | _seconds(answers),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections; pages in flight are still read."""
        self._pool.shutdown(cancel_futures=True)
        self._runtime.close()
        self._functions.close()

    def _upright(self, image: bytes, deadline: Deadline) -> PageImage:
        _encoding_of(image)
        turning = self._pool.submit(self._turn, image, deadline)
        _settle(deadline, turning)
        return turning.result()

    def _turn(self, image: bytes, deadline: Deadline) -> PageImage:
        payload = json.dumps({"image": b64encode(image).decode()}).encode()
        _check_size(payload, "the image, as base64,")

        def call() -> bytes:
            with self._connection.translated():
                answer = self._functions.invoke(
                    FunctionName=self._connection.names.function(_TURNS), Payload=payload
                )
                body = answer["Payload"].read()
            if "FunctionError" in answer:
                raise _function_error(body)
            return body

        return _decoded(PageImage, retry_while_busy(call, deadline), _TURNS, JSON)

    def _follow(
        self, way: Sequence[EndpointStage], body: bytes, media_type: str, deadline: Deadline
    ) -> Batch:
        """Ask stages one after another, each with the answer before it as it came; the answer of the last."""
        for stage in way:
            body, media_type = self._ask(stage, body, media_type, deadline), MSGPACK
        batch = _decoded(STAGES[way[-1]].answer, body, way[-1])
        _only_page(batch, PageAnswer)
        return batch

    def _ask(self, stage: EndpointStage, body: bytes, media_type: str, deadline: Deadline) -> bytes:
        before = STAGES[stage].after
        what = f"what {before.replace('_', ' ')} found on the page" if before in ENDPOINTS else "the page"
        _check_size(body, what)

        def call() -> bytes:
            with self._connection.translated():
                answer = self._runtime.invoke_endpoint(
                    EndpointName=self._connection.names.endpoint(stage, "realtime"),
                    Body=body,
                    ContentType=media_type,
                    Accept=MSGPACK,
                )
                return answer["Body"].read()

        return retry_while_busy(call, deadline)


def _encoding_of(image: bytes) -> str:
    """The format of an image, by its first bytes."""
    if not image:
        raise DocumentError("the image has no bytes", code=ErrorCode.EMPTY_FILE)
    for encoding, recognises in _FORMATS:
        if recognises(image):
            return encoding
    raise DocumentError(
        "the first bytes are not those of a JPEG, PNG, TIFF or WebP", code=ErrorCode.UNSUPPORTED_FORMAT
    )


def _check_size(body: bytes, what: str) -> None:
    if len(body) > LARGEST_BODY:
        raise RequestError(
            f"{what} has {len(body):,} bytes, more than the {LARGEST_BODY:,} of a real-time call: send a "
            "smaller image, or submit it as a job",
            code=ErrorCode.BODY_TOO_LARGE,
        )


def _settle(deadline: Deadline, *calls: Future[Any]) -> None:
    """Wait until every call is done; raise as soon as one has failed or the deadline passes."""
    done, late = wait(calls, timeout=deadline.remaining, return_when=FIRST_EXCEPTION)
    for call in done:
        call.result()
    if late:
        for call in late:
            call.cancel()
        raise EngineError(f"no answer within {deadline.seconds:g} seconds", code=ErrorCode.STAGE_TIMEOUT)


def _decoded(kind: type[M], body: bytes, stage: StageName, media_type: MediaType = MSGPACK) -> M:
    try:
        return decode(kind, body, media_type)
    except RequestError as error:
        raise EngineError(f"{stage} gave an answer that is {error.message}") from None


def _only_page(batch: Batch, kind: type[AnswerT]) -> AnswerT:
    if len(batch.pages) != 1:
        raise EngineError(f"{len(batch.pages)} pages came back for one")
    page = batch.pages[0]
    if isinstance(page, FailedPage):
        raise page.error.as_error(page.stage)
    if not isinstance(page, kind):
        raise TypeError(f"{type(page).__name__} came in place of {kind.__name__}")
    return page


def _seconds(answers: Mapping[EndpointStage, Batch]) -> dict[StageName, float]:
    """How long each stage took: answers also hold what the stages before them took."""
    pages = {stage: _only_page(batch, PageAnswer) for stage, batch in answers.items()}
    before = {name: seconds for page in pages.values() for name, seconds in page.seconds_before.items()}
    return before | {stage: page.seconds for stage, page in pages.items()}


def _function_error(body: bytes) -> OcrError:
    info = error_in(body.decode("utf-8", "replace"))
    return info.as_error(_TURNS) if info else EngineError(f"{_TURNS} failed without saying why")
