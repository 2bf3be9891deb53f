"""A batch through a real-time endpoint: whole pages in bodies that fit, patience, one output."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ocr.contracts.codec import decode, encode
from hybrid_ocr.contracts.errors import (
    ArtifactError,
    CapacityError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
)
from hybrid_ocr.contracts.messages import (
    FailedPage,
    ModelIdentity,
    PageBatch,
    PageImage,
    PageRegions,
    RegionBatch,
)
from hybrid_ocr.storage.objects import Objects
from lambdas.dispatch import realtime
from lambdas.dispatch.bodies import merge, split_batch
from lambdas.dispatch.realtime import RealtimeDispatch, retry_while_busy
from tests.functions.component import Component, stage_task
from tests.functions.fakes import States

MODEL = ModelIdentity(name="regions", version="1", sha256="a" * 64)
OTHER = ModelIdentity(name="regions", version="2", sha256="b" * 64)
ROTATION = ModelIdentity(name="rotation", version="1", sha256="c" * 64)


def page(number: int, size: int = 100) -> PageImage:
    return PageImage(number=number, width=10, height=10, encoding="png", data=b"x" * size)


def failed(number: int) -> FailedPage:
    error = ErrorInfo(code=ErrorCode.CORRUPT_DOCUMENT, message="no page", retryable=False)
    return FailedPage(number=number, stage="rotation", error=error)


def regions(number: int) -> PageRegions:
    return PageRegions(number=number, width=10, height=10, regions=())


def answer_to(body: bytes, model: ModelIdentity = MODEL) -> RegionBatch:
    asked = decode(PageBatch, body)
    models = {**asked.models, "region_detection": model}
    return RegionBatch(models=models, pages=tuple(regions(one.number) for one in asked.pages))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 3_000), st.none()), max_size=12),
    st.integers(1_024, 4_096),
)
def test_every_page_is_in_one_body_that_fits_or_among_the_failed(sizes: list[int | None], most: int) -> None:
    pages = tuple(failed(n) if size is None else page(n, size) for n, size in enumerate(sizes, 1))
    batch = PageBatch(models={"rotation": ROTATION}, pages=pages)
    parts = split_batch(batch, "region_detection", most)
    assert all(len(body) <= most for body in parts.bodies)
    sent = [one.number for body in parts.bodies for one in decode(PageBatch, body).pages]
    assert sent == [one.number for one in pages if one.number not in parts.failed]
    for one in pages:
        if isinstance(one, FailedPage):
            assert parts.failed[one.number] == one, "a page that failed travels on unchanged"
        elif one.number in parts.failed:
            assert parts.failed[one.number].error.code is ErrorCode.BODY_TOO_LARGE
            assert len(encode(PageBatch(models=batch.models, pages=(one,)))) > most - 8
    output = merge(batch, "region_detection", parts.failed, [answer_to(body) for body in parts.bodies])
    assert [one.number for one in output.pages] == [one.number for one in pages]
    assert output.models["rotation"] == ROTATION


def test_pages_share_a_body_while_they_fit() -> None:
    parts = split_batch(PageBatch(pages=tuple(page(n) for n in range(1, 9))), "region_detection", 1_000_000)
    assert len(parts.bodies) == 1


def test_answers_of_two_models_are_no_answer() -> None:
    batch = PageBatch(pages=(page(1), page(2)))
    bodies = [encode(PageBatch(pages=(one,))) for one in batch.pages]
    answers = [answer_to(bodies[0]), answer_to(bodies[1], OTHER)]
    with pytest.raises(ArtifactError):
        merge(batch, "region_detection", {}, answers)


@pytest.mark.parametrize("numbers", [[1], [1, 3], [1, 2, 2], [1, 2, 3]])
def test_answers_for_other_pages_are_no_answer(numbers: list[int]) -> None:
    answer = RegionBatch(pages=tuple(regions(n) for n in numbers))
    with pytest.raises(EngineError):
        merge(PageBatch(pages=(page(1), page(2))), "region_detection", {}, [answer])


def refusal(code: str, status: int, **told: Any) -> ClientError:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **told}
    return ClientError(response, "InvokeEndpoint")


BUSY = [
    refusal("ModelNotReadyException", 429),
    refusal("ServiceUnavailable", 503),
    refusal("InternalDependencyException", 530),
    refusal("ThrottlingException", 400),
    refusal("ModelError", 424, OriginalStatusCode=503),
    ReadTimeoutError(endpoint_url="https://runtime"),
]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; they take no time."""
    made: list[float] = []
    monkeypatch.setattr(realtime, "sleep", made.append)
    return made


@pytest.mark.parametrize("busy", BUSY, ids=lambda error: type(error).__name__)
def test_a_busy_endpoint_is_asked_again_after_pauses_that_grow(busy: Exception, pauses: list[float]) -> None:
    answers = iter([busy, busy, busy, b"at last"])

    def invoke() -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry_while_busy(invoke, monotonic() + 60) == b"at last"
    assert len(pauses) == 3
    assert all(pause <= limit for pause, limit in zip(pauses, (0.2, 0.4, 0.8), strict=True))


def raising(error: Exception) -> Callable[[], bytes]:
    def invoke() -> bytes:
        raise error

    return invoke


def test_patience_ends_at_the_deadline(pauses: list[float]) -> None:
    with pytest.raises(CapacityError):
        retry_while_busy(raising(BUSY[0]), monotonic() - 1)
    assert pauses == []


def test_the_containers_own_error_is_what_the_caller_gets(pauses: list[float]) -> None:
    told = '{"error":{"code":"INVALID_REQUEST","message":"not a PageBatch","retryable":false}}'
    with pytest.raises(OcrError, match="not a PageBatch") as caught:
        retry_while_busy(
            raising(refusal("ModelError", 424, OriginalStatusCode=400, OriginalMessage=told)), monotonic() + 9
        )
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert pauses == []


def test_a_call_that_is_wrong_is_not_repeated(pauses: list[float]) -> None:
    with pytest.raises(ClientError):
        retry_while_busy(raising(refusal("ValidationError", 400)), monotonic() + 9)
    assert pauses == []


class Runtime:
    """A real-time endpoint that finds no regions, and remembers the bodies it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803 - the API's name
        with self._lock:
            self.bodies.append(Body)
        return {"Body": io.BytesIO(encode(answer_to(Body)))}


def test_a_state_gets_its_answer_at_once_and_the_work_is_done_once(component: Component) -> None:
    task = stage_task("token", stage="region_detection")
    prefix = f"jobs/{task.job.job_id}/1/0-1-3/"
    batch = PageBatch(models={"rotation": ROTATION}, pages=(page(1, 1_000), failed(2), page(3, 1_000)))
    component.work.write(prefix + "pages.msgpack", batch)
    states, runtime = States({"token", "again"}), Runtime()
    dispatch = RealtimeDispatch(component.work, states, runtime, max_body_bytes=1_500, parallel_bodies=2)
    assert dispatch.dispatch(task, "endpoint", 60)
    output = Objects(component.work.bucket).read(prefix + "regions.msgpack", RegionBatch)
    assert [one.status for one in output.pages] == ["ok", "failed", "ok"]
    assert output.models == {"rotation": ROTATION, "region_detection": MODEL}
    assert len(runtime.bodies) == 2
    assert dispatch.dispatch(stage_task("again", stage="region_detection"), "endpoint", 60)
    assert len(runtime.bodies) == 2
    assert states.succeeded == {"token": 1, "again": 1}
