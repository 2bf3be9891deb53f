"""What a caller of /invocations relies on, against a real server process."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib

import httpx
import pytest
from PIL import Image

from hybrid_ocr.contracts.codec import JSON, MSGPACK, decode, encode
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, ModelIdentity, PageBatch, PageRegions, RegionBatch
from tests.hosts.conftest import Server, batch, error_of
from tests.hosts.server import DOCUMENT_TEXT


def codes(answer: RegionBatch) -> list[str]:
    return [page.error.code if isinstance(page, FailedPage) else "OK" for page in answer.pages]


def tiny_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


FORMATS = [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tiff"), ("TIFF big-endian", "tiff")]


def drawn(kind: str) -> bytes:
    """A small image in one of the formats."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (30, 20), "white")
    if kind == "TIFF big-endian":
        image.convert("I;16B").save(buffer, "TIFF")
        assert buffer.getvalue()[:4] == b"MM\0*"
    else:
        image.save(buffer, kind)
    return buffer.getvalue()


def test_pages_come_back_in_order_with_the_models_that_made_them(server: Server) -> None:
    before = ModelIdentity(name="other", version="3", sha256="a" * 64)
    request = batch("one", "two", "three").model_copy(update={"models": {"rotation": before}})
    response = server.http.post("/invocations", content=encode(request), headers={"content-type": MSGPACK})
    answer = decode(RegionBatch, response.content)
    assert [page.number for page in answer.pages] == [1, 2, 3]
    assert answer.models["rotation"] == before
    assert answer.models["region_detection"].name == "fake"


def test_a_page_that_failed_before_passes_on_as_it_is(server: Server) -> None:
    error = ErrorInfo(code=ErrorCode.TRUNCATED_IMAGE, message="cut off", retryable=False)
    failed = FailedPage(number=7, stage="rotation", error=error)
    answer = server.answer("good", failed, "good")
    assert answer.pages[1] == failed
    assert codes(answer) == ["OK", "TRUNCATED_IMAGE", "OK"]


def test_a_batch_of_failed_pages_or_of_none_is_answered(server: Server) -> None:
    error = ErrorInfo(code=ErrorCode.TRUNCATED_IMAGE, message="cut off", retryable=False)
    assert len(server.answer(FailedPage(number=1, stage="rotation", error=error)).pages) == 1
    assert server.answer().pages == ()


def test_one_bad_page_fails_alone(server: Server) -> None:
    answer = server.answer("good", "bad", "good")
    assert codes(answer) == ["OK", "CORRUPT_DOCUMENT", "OK"]
    failed = answer.pages[1]
    assert isinstance(failed, FailedPage)
    assert (failed.number, failed.stage) == (2, "region_detection")


@pytest.mark.parametrize("order", ["poison", "short"])
def test_a_page_that_breaks_its_whole_batch_fails_alone(server: Server, order: str) -> None:
    assert codes(server.answer("good", order, "good", "good")) == ["OK", "INTERNAL", "OK", "OK"]
    assert server.http.get("/ping").status_code == 200


def test_json_with_base64_and_the_accept_header(server: Server) -> None:
    page = {"status": "ok", "number": 1, "width": 5, "height": 5, "encoding": "png"}
    body = json.dumps({"pages": [{**page, "data": base64.b64encode(b"good").decode()}]})
    answered = server.http.post("/invocations", content=body, headers={"content-type": JSON})
    assert answered.headers["content-type"] == JSON
    assert answered.json()["pages"][0]["regions"][0]["label"] == "text"
    packed = server.http.post("/invocations", content=body, headers={"content-type": JSON, "accept": MSGPACK})
    assert packed.headers["content-type"] == MSGPACK
    assert len(decode(RegionBatch, packed.content).pages) == 1


UNTYPED = [
    None,
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-www-form-urlencoded",
    "Application/Octet-Stream; charset=binary",
]
IMAGE_TYPES = [
    "image/png",
    "image/jpg",
    "IMAGE/JPEG; charset=binary",
    "image/x-png",
    "image/pjpeg",
    "image/tif",
    "image/*",
    "application/x-image",
]


def post(server: Server, body: bytes, content_type: str | None, accept: str | None = None) -> httpx.Response:
    told = {"content-type": content_type, "accept": accept}
    request = server.http.build_request("POST", "/invocations", content=body)
    for name, value in told.items():
        request.headers.pop(name, None)
        if value is not None:
            request.headers[name] = value
    return server.http.send(request)


@pytest.mark.parametrize("content_type", [*UNTYPED, *IMAGE_TYPES])
@pytest.mark.parametrize(("kind", "encoding"), FORMATS)
def test_an_image_is_a_batch_of_one_page_and_read_for_what_it_is(
    server: Server, content_type: str | None, kind: str, encoding: str
) -> None:
    response = post(server, drawn(kind), content_type)
    assert response.headers["content-type"] == JSON
    page = RegionBatch.model_validate_json(response.content).pages[0]
    assert isinstance(page, PageRegions)
    assert (page.number, page.width, page.height) == (1, 30, 20)
    assert page.regions[0].id.startswith(f"{encoding}.")


@pytest.mark.parametrize("content_type", UNTYPED)
@pytest.mark.parametrize("body", [b"hello", b"%PDF-1.7", b"\x00" * 64, b"GIF89a", b"{}"])
def test_what_nothing_explains_is_refused_with_every_type_that_is_taken(
    server: Server, content_type: str | None, body: bytes
) -> None:
    response = post(server, body, content_type)
    assert (response.status_code, error_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for name in (MSGPACK, JSON, "image/jpeg", "image/png", "image/tiff", "image/webp"):
        assert name in response.json()["error"]["message"]


def test_a_batch_is_declared(server: Server) -> None:
    body = encode(batch("good"))
    for content_type in ("application/x-msgpack", "application/vnd.msgpack", "APPLICATION/MSGPACK; x=y"):
        assert post(server, body, content_type).status_code == 200
    assert error_of(post(server, body, None)) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("content_type", UNTYPED)
def test_an_image_without_a_type_fails_as_an_image(server: Server, content_type: str | None) -> None:
    assert error_of(post(server, b"", content_type)) == "EMPTY_FILE"
    assert error_of(post(server, tiny_png(30, 20)[:18], content_type)) == "CORRUPT_DOCUMENT"


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("text/plain", b"hello", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("text/plain", tiny_png(30, 20), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("image/png", b"hello", 415, "UNSUPPORTED_FORMAT"),
        ("application/x-image", b"hello", 415, "UNSUPPORTED_FORMAT"),
        ("image/heic", b"\0\0\0\x18ftypheic", 415, "UNSUPPORTED_FORMAT"),
        ("image/png", b"", 422, "EMPTY_FILE"),
        ("image/jpeg", tiny_png(2**31 - 1, 2**31 - 1), 413, "PAGE_TOO_LARGE"),
        ("image/png", tiny_png(30, 20)[:18], 422, "CORRUPT_DOCUMENT"),
        (MSGPACK, b"", 400, "INVALID_REQUEST"),
        (MSGPACK, b"\xc1", 400, "INVALID_REQUEST"),
        (MSGPACK, b"\x91" * 5000, 400, "INVALID_REQUEST"),
        (JSON, b'{"pages": [{"number": "secret words"}]}', 400, "INVALID_REQUEST"),
        (JSON, b"[" * 100_000, 400, "INVALID_REQUEST"),
    ],
)
def test_bad_bodies_are_refused_by_name(
    server: Server, content_type: str, body: bytes, status: int, code: str
) -> None:
    response = server.http.post("/invocations", content=body, headers={"content-type": content_type})
    assert (response.status_code, error_of(response)) == (status, code)
    assert "secret" not in response.text


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "nonsense"])
@pytest.mark.parametrize("content_type", [MSGPACK, JSON, "image/png", None])
def test_an_accept_header_that_cannot_be_met_is_406_with_what_can_be_had(
    server: Server, content_type: str | None, accept: str
) -> None:
    response = post(server, tiny_png(30, 20), content_type, accept)
    assert (response.status_code, error_of(response)) == (406, "UNSUPPORTED_MEDIA_TYPE")
    assert response.headers["content-type"] == JSON
    assert MSGPACK in response.text
    assert JSON in response.text


def test_the_best_that_several_accept_headers_ask_for_is_answered(server: Server) -> None:
    headers = [("content-type", MSGPACK), ("accept", f"{MSGPACK};q=0.5"), ("accept", f"{JSON};q=0.8")]
    response = server.http.post("/invocations", content=encode(batch("good")), headers=headers)
    assert response.headers["content-type"] == JSON


def test_other_routes_and_methods(server: Server) -> None:
    assert server.http.get("/").status_code == 404
    assert server.http.get("/invocations").status_code == 405
    assert server.http.post("/ping").status_code == 405
    head = server.http.head("/ping")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("path", ["/ping", "/metrics", "/nothing", "/invocations"])
def test_every_answer_declares_its_length(server: Server, path: str) -> None:
    response = server.http.get(path)
    assert int(response.headers["content-length"]) == len(response.content)
    assert "transfer-encoding" not in response.headers
    answered = server.send("good")
    assert int(answered.headers["content-length"]) == len(answered.content)


def test_metrics_count_requests_pages_and_batches(server: Server) -> None:
    server.send("good", "bad")
    text = server.http.get("/metrics").text
    assert 'hybrid_ocr_requests_total{code="OK",status="200"}' in text
    assert 'hybrid_ocr_pages_total{code="CORRUPT_DOCUMENT"}' in text
    assert 'hybrid_ocr_model_info{engine="openvino",name="fake"' in text
    assert server.metric("hybrid_ocr_batch_pages_count") >= 1
    assert server.metric("process_resident_memory_bytes") > 1e6
    assert server.metric("hybrid_ocr_bytes_in_flight") == 0


def test_the_log_tells_what_happened_and_never_what_was_written(server: Server) -> None:
    headers = {"content-type": MSGPACK, "x-amzn-sagemaker-inference-id": "inference-7"}
    body = encode(batch("good words", "poison"))
    response = server.http.post("/invocations", content=body, headers=headers)
    lines = server.log_lines()  # every line is JSON
    told = next(line for line in lines if line.get("request_id") == response.headers["x-request-id"])
    assert told["inference_id"] == "inference-7"
    assert (told["pages"], told["failed_pages"], told["status"]) == (2, 1, 200)
    assert told["bytes_in"] == len(body)
    assert {"queue_ms", "run_ms", "total_ms", "bytes_out"} <= set(told)
    text = server.log.read_text()
    assert "ValueError" in text
    assert DOCUMENT_TEXT not in text
    assert "good words" not in text


def test_the_schema_of_the_request_is_the_message_itself(server: Server) -> None:
    request = PageBatch.model_validate({"pages": []})
    response = server.http.post(
        "/invocations",
        content=encode(request, JSON),
        headers={"content-type": "application/json; charset=utf-8"},
    )
    assert RegionBatch.model_validate_json(response.content).pages == ()
