"""The host of a Lambda function: a request of a state or messages of a queue in, an answer or an error out.

Handlers stay a few lines: `FunctionHost` parses what comes, turns errors into the names that the flow file
knows, counts, traces, and logs without a word of a document.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, Literal, TypeVar

from aws_lambda_powertools import Logger, Metrics, Tracer, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parser import BaseModel, ValidationError, parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hybrid_ocr import telemetry
from hybrid_ocr.contracts.base import Message
from hybrid_ocr.contracts.errors import ErrorInfo, RequestError
from hybrid_ocr.contracts.flow_errors import FlowError, flow_error
from hybrid_ocr.contracts.names import METRICS, VARIABLE_PREFIX
from hybrid_ocr.storage.faults import explain

NAMESPACE_VARIABLE: Final = f"{VARIABLE_PREFIX}METRICS_NAMESPACE"
"""Names the CloudWatch namespace of a function's metrics; METRICS unless told."""

RequestT = TypeVar("RequestT", bound=BaseModel)
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any] | None]
Unit = Literal["Count", "Seconds", "Bytes"]


class FunctionSettings(BaseSettings):
    """Base of a function's settings; each field is the environment variable HYBRID_OCR_<FIELD>."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )


class FunctionHost:
    """Logger, metrics and tracer of one function, and the decorators that make its handler.

    Args:
        service: the function's name, a dimension of its metrics.
    """

    def __init__(self, service: str) -> None:
        telemetry.configure(service=service)  # lines of libraries; the function's own come from `log`
        logging.getLogger("botocore").setLevel(logging.WARNING)
        logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL)  # it tells errors a second time
        # The Logger keeps lines of every logger whose name contains its own from the root: be unlike any.
        self.log = Logger(service=f"function:{service}", utc=True, use_rfc3339=True)
        logging.getLogger(f"function:{service}").propagate = False  # its lines are written once
        self._namespace = os.environ.get(NAMESPACE_VARIABLE, METRICS)
        self.metrics = Metrics(namespace=self._namespace, service=service)
        self.tracer = Tracer(service=service, patch_modules=("botocore",))
        self._service = service
        self._context: LambdaContext | None = None

    def task(self, request: type[RequestT]) -> Callable[[Callable[[RequestT], Message | None]], Handler]:
        """Make the handler of a state from a function of its parsed input.

        The handler answers the message as JSON, or raises a FlowError.
        """

        def decorate(run: Callable[[RequestT], Message | None]) -> Handler:
            def answer(event: dict[str, Any]) -> dict[str, Any] | None:
                try:
                    message = run(_parsed(event, request))
                except Exception as error:
                    raise self._task_error(error) from None
                return None if message is None else message.model_dump(mode="json")

            return self._handler(answer)

        return decorate

    def queue(self) -> Callable[[Callable[[SQSRecord], None]], Handler]:
        """Make the handler of a queue from a function of one message.

        A message whose function raises comes back, and after its last receipt goes to the dead-letter queue.
        """
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

        def decorate(run: Callable[[SQSRecord], None]) -> Handler:
            def guarded(record: SQSRecord) -> None:
                try:
                    run(record)
                except Exception as error:
                    info = _info(error)
                    self.log.warning(
                        "a message will come back", code=info.code, error=telemetry.describe(error)
                    )
                    self.count("MessagesReturned", code=info.code)
                    raise

            def answer(event: dict[str, Any]) -> dict[str, Any]:
                return dict(process_partial_response(event, guarded, processor))

            return self._handler(answer)

        return decorate

    def count(self, name: str, value: float = 1, unit: Unit = "Count", **dimensions: str) -> None:
        """Add to a metric of the deployment's namespace, which has dimension `service` and those given."""
        if not dimensions:
            self.metrics.add_metric(name, unit, value)
            return
        with single_metric(name, MetricUnit(unit), value, namespace=self._namespace) as metric:
            for dimension, text in {"service": self._service, **dimensions}.items():
                metric.add_dimension(dimension, str(text))

    @property
    def remaining_seconds(self) -> float:
        """How long the invocation that is running may still take."""
        if self._context is None:
            raise RuntimeError("no invocation is running")
        return self._context.get_remaining_time_in_millis() / 1000

    def _handler(self, answer: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Handler:
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
            self._context = context
            started = perf_counter()
            try:
                return answer(event)
            finally:
                seconds = perf_counter() - started
                self.count("HandlerSeconds", seconds, "Seconds")
                self.log.info("done", seconds=round(seconds, 3))

        traced = self.tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)
        logged = self.log.inject_lambda_context(traced, clear_state=True)
        metered: Handler = self.metrics.log_metrics(logged, capture_cold_start_metric=True)
        return metered

    def _task_error(self, error: Exception) -> FlowError:
        info = _info(error)
        self.log.error("failed", code=info.code, retryable=info.retryable, error=telemetry.describe(error))
        self.count("TasksFailed", code=info.code)
        return flow_error(info)


def _parsed(event: dict[str, Any], request: type[RequestT]) -> RequestT:
    try:
        return parse(event=event, model=request)
    except ValidationError as error:
        places = [".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)[:3]]
        message = f"the input is not a {request.__name__}: see {', '.join(places) or 'its type'}"
        raise RequestError(message[:2048]) from None


def _info(error: Exception) -> ErrorInfo:
    return explain(error) if isinstance(error, BotoCoreError | ClientError) else ErrorInfo.of(error)
