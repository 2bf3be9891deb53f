"""The three routes of a model container, over one stage.

`GET /ping` is 200 when the stage is loaded and warm, 503 while it loads or drains, 500 once its engine fails.
`POST /invocations` takes and gives the batches of the binding. `GET /metrics` is for Prometheus.
Every answer has a Content-Length: an asynchronous endpoint takes a chunked answer for a failure.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hybrid_ocr.contracts.codec import JSON, MSGPACK
from hybrid_ocr.contracts.errors import CapacityError, EngineError, ErrorCode, ErrorInfo, OcrError
from hybrid_ocr.contracts.stage import Stage, StageContext
from hybrid_ocr.hosts.container.batcher import Batcher, BatchLimits
from hybrid_ocr.hosts.container.binding import Binding
from hybrid_ocr.hosts.container.body import ByteBudget, read_body
from hybrid_ocr.hosts.container.media_types import NotAcceptableError, answer_type
from hybrid_ocr.hosts.container.metrics import Metrics
from hybrid_ocr.settings import ContainerSettings
from hybrid_ocr.telemetry import Value, fields

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
T = TypeVar("T")

RETRY_AFTER_SECONDS: Final = 1
CLIENT_GONE: Final = 499  # never sent; the status under which a caller that hung up is logged and counted

log = logging.getLogger(__name__)


class State(StrEnum):
    """Where the container stands in its life."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"


@dataclass
class Exchange:
    """One request and the fields of its log line."""

    request: Request
    started: float = field(default_factory=perf_counter)
    log_fields: dict[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        inference_id = self.request.headers.get("x-amzn-sagemaker-inference-id")
        self.log_fields |= {
            "request_id": uuid.uuid4().hex,
            "inference_id": inference_id and inference_id[:64],
        }


class ContainerHost(Generic[RequestT, ResponseT]):
    """Serves one stage over HTTP; made inside the event loop that serves it."""

    def __init__(self, binding: Binding[RequestT, ResponseT], settings: ContainerSettings) -> None:
        self.state = State.LOADING
        self._deadlines: set[asyncio.Timeout] = set()
        self._binding, self._settings = binding, settings
        self._metrics = Metrics()
        self._budget = ByteBudget(settings.max_bytes_in_flight, self._metrics.bytes_in_flight)
        self._stage: Stage[RequestT, ResponseT] | None = None
        self._inference = ThreadPoolExecutor(1, "inference")
        self._codec = ThreadPoolExecutor(2, "codec")
        limits = BatchLimits(
            pages=settings.max_batch_pages,
            pixels=settings.max_batch_pixels,
            wait_seconds=settings.batch_wait_ms / 1000,
            queue_pages=settings.max_queue_pages,
        )
        self._batcher: Batcher[RequestT, ResponseT] = Batcher(
            self._run, self._inference, limits, self._metrics
        )
        self.app = Starlette(
            routes=[
                Route("/ping", self._ping),
                Route("/invocations", self._invocations, methods=["POST"]),
                Route("/metrics", self._scrape),
            ],
            exception_handlers={HTTPException: _no_such_route},
        )

    async def load(self, context: StageContext) -> None:
        """Load the stage in the thread that will run it; raises what loading raises."""
        started = perf_counter()
        loop = asyncio.get_running_loop()
        stage = self._stage = await loop.run_in_executor(self._inference, self._binding.load, context)
        if stage.model:
            self._metrics.set_model(stage.model, context.engine)
        if self.state is State.LOADING:
            self.state = State.READY
        model = f"{stage.model.name} {stage.model.version} {stage.model.sha256[:12]}" if stage.model else None
        log.info(
            "ready",
            extra=fields(model=model, engine=context.engine, threads=context.threads, load_ms=_ms(started)),
        )

    async def work(self) -> None:
        """Run batches until the engine fails for good."""
        await self._batcher.work()

    @property
    def in_flight(self) -> int:
        """Invocations that have no answer yet."""
        return len(self._deadlines)

    def drain(self) -> None:
        """Take no new work from now on."""
        self.state = State.DRAINING

    def abandon(self) -> None:
        """Answer what is still in flight at once: NOT_READY, send it to another server."""
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time())

    def health(self) -> None:
        """Raise why this container cannot take work, if it cannot."""
        if self._batcher.fatal:
            raise EngineError(self._batcher.fatal.message, code=self._batcher.fatal.code)
        if self.state is not State.READY:
            raise CapacityError(f"the server is {self.state}", code=ErrorCode.NOT_READY)
        since = self._batcher.running_since
        if since is not None and perf_counter() - since > self._settings.request_seconds:
            raise EngineError("one run has lasted longer than a request may", code=ErrorCode.STAGE_TIMEOUT)

    async def _ping(self, _: Request) -> Response:
        try:
            self.health()
        except OcrError as error:
            return _error_response(error)
        return Response(b"{}", media_type=JSON)

    async def _scrape(self, _: Request) -> Response:
        self._metrics.ready.set(self.state is State.READY and self._batcher.fatal is None)
        return Response(self._metrics.render(), media_type=self._metrics.content_type)

    async def _invocations(self, request: Request) -> Response:
        exchange = Exchange(request)
        code = "OK"
        deadline = asyncio.timeout(self._settings.request_seconds)
        self._deadlines.add(deadline)
        try:
            try:
                async with deadline:
                    response = await self._answer(exchange)
            except TimeoutError:
                raise self._too_late() from None
        except OcrError as error:
            code, response = error.code.value, _error_response(error)
            exchange.log_fields["error"] = error.message
        except ClientDisconnect:
            code, response = "CLIENT_GONE", Response(status_code=CLIENT_GONE)
        except Exception as error:
            code, response = ErrorCode.INTERNAL.value, _error_response(error)
            log.exception("a request failed", extra=fields(**exchange.log_fields))
        finally:
            self._deadlines.discard(deadline)
        response.headers["X-Request-Id"] = str(exchange.log_fields["request_id"])
        self._metrics.count_request(response.status_code, code)
        log.info(
            "invocation",
            extra=fields(
                **exchange.log_fields,
                status=response.status_code,
                code=code,
                bytes_out=len(response.body),
                total_ms=_ms(exchange.started),
            ),
        )
        return response

    async def _answer(self, exchange: Exchange) -> Response:
        self.health()
        request, log_fields, settings = exchange.request, exchange.log_fields, self._settings
        with self._budget.reservation() as held:
            with self._batcher.arrival():
                form = self._binding.form_of(request.headers.get("content-type"))
                accept = answer_type(request.headers.getlist("accept"), MSGPACK if form == MSGPACK else JSON)
                body = await read_body(request, settings.max_body_bytes, held)
                log_fields["bytes_in"] = len(body)
                work = await self._off_loop(lambda: self._binding.decode(body, form))
                log_fields["pages"] = len(work.pages)
                queued = self._batcher.enqueue(work.items, work.sizes)
            try:
                await _unless_gone(request, queued.done)
            finally:
                self._batcher.drop(queued)
            answers: list[Any] = queued.answers
            self._metrics.count_pages(answers)
            log_fields["failed_pages"] = sum(isinstance(answer, ErrorInfo) for answer in answers)
            log_fields["queue_ms"] = round(1000 * (queued.queue_seconds or 0.0), 2)
            log_fields["run_ms"] = round(1000 * queued.run_seconds, 2)
            model = self._stage.model if self._stage else None
            encoded = await self._off_loop(lambda: self._binding.encode(work, answers, model, accept))
        return Response(encoded, media_type=accept)

    def _too_late(self) -> OcrError:
        if self.state is State.DRAINING:
            return CapacityError("the server stopped before its answer", code=ErrorCode.NOT_READY)
        seconds = self._settings.request_seconds
        return EngineError(f"no answer within {seconds:g} seconds", code=ErrorCode.STAGE_TIMEOUT)

    async def _off_loop(self, call: Callable[[], T]) -> T:
        """Run a call that takes its time beside the event loop, so that /ping is answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._codec, call)

    def _run(self, items: Any) -> list[ResponseT | OcrError]:  # noqa: ANN401 - a Sequence[RequestT]
        if self._stage is None:
            raise CapacityError("the server is loading", code=ErrorCode.NOT_READY)
        return self._stage.run(items)


async def _unless_gone(request: Request, done: asyncio.Future[None]) -> None:
    """Await an answer, or raise ClientDisconnect where the client hangs up first."""
    gone = asyncio.ensure_future(request.receive())  # after the body nothing comes but the end
    either: set[asyncio.Future[Any]] = {done, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ClientDisconnect
        done.result()
    finally:
        gone.cancel()


def _error_response(error: BaseException) -> Response:
    info = ErrorInfo.of(error)
    status = (error if isinstance(error, OcrError) else OcrError("")).spec.http_status
    if isinstance(error, NotAcceptableError):
        status = error.http_status
    response = Response(f'{{"error":{info.model_dump_json()}}}', status, media_type=JSON)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    info = ErrorInfo(
        code=ErrorCode.INVALID_REQUEST,
        message=f"{request.method[:16]} {request.url.path[:100]} is not served here",
        retryable=False,
    )
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response(f'{{"error":{info.model_dump_json()}}}', status, headers, media_type=JSON)


def _ms(started: float) -> float:
    return round(1000 * (perf_counter() - started), 2)
