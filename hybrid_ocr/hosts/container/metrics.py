"""The Prometheus metrics of a model container."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from hybrid_ocr.contracts.errors import ErrorInfo
from hybrid_ocr.contracts.messages import ModelIdentity

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_PAGES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """One registry a process; names start with `hybrid_ocr_`, memory and CPU are the usual `process_*`."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._model = Info("hybrid_ocr_model", "Weights that answer", registry=registry)
        self._requests = Counter(
            "hybrid_ocr_requests", "Invocations by outcome", ["status", "code"], registry=registry
        )
        self._pages = Counter(
            "hybrid_ocr_pages", "Pages by outcome: OK, or the code of the error", ["code"], registry=registry
        )
        self._batch_pages = Histogram(
            "hybrid_ocr_batch_pages", "Pages in one run of the stage", buckets=_PAGES, registry=registry
        )
        self._run_seconds = Histogram(
            "hybrid_ocr_run_seconds", "Time of one run of the stage", buckets=_SECONDS, registry=registry
        )
        self.queue_seconds = Histogram(
            "hybrid_ocr_queue_seconds",
            "Time from queued to first run of a request",
            buckets=_SECONDS,
            registry=registry,
        )
        self.queue_pages = Gauge("hybrid_ocr_queue_pages", "Pages waiting for a run", registry=registry)
        self.bytes_in_flight = Gauge("hybrid_ocr_bytes_in_flight", "Request bodies held", registry=registry)
        self.ready = Gauge("hybrid_ocr_ready", "1 while /ping answers 200", registry=registry)

    def set_model(self, model: ModelIdentity, engine: str) -> None:
        """Name the weights and the engine that run them."""
        self._model.info({**model.model_dump(), "engine": engine})

    def observe_batch(self, pages: int, seconds: float) -> None:
        """Count one run of the stage."""
        self._batch_pages.observe(pages)
        self._run_seconds.observe(seconds)

    def count_request(self, status: int, code: str) -> None:
        """Count one answered invocation."""
        self._requests.labels(str(status), code).inc()

    def count_pages(self, answers: list[object]) -> None:
        """Count the pages of one request by their outcome."""
        for answer in answers:
            self._pages.labels(answer.code.value if isinstance(answer, ErrorInfo) else "OK").inc()

    def render(self) -> bytes:
        """The text that /metrics answers."""
        return generate_latest(self.registry)
