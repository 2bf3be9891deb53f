"""One page in real time: what goes over the wire, what comes back, what is tried again."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from werkzeug import Response

from hybrid_ocr.clients import Connection, RealtimeClient
from hybrid_ocr.contracts.codec import MSGPACK, encode
from hybrid_ocr.contracts.errors import (
    ConfigurationError,
    DocumentError,
    EngineError,
    ErrorCode,
    ErrorInfo,
    OcrError,
    RequestError,
)
from hybrid_ocr.contracts.messages import Batch, FailedPage, PageImage, TextBatch
from local_aws.server import AwsServer
from tests.clients.endpoints import CROPS, REGIONS, TEXT, Endpoints, answer, model_error, refusal
from tests.patience import PATIENCE

PNG = b"\x89PNG\r\n\x1a\n of a receipt"
MIB = 2**20


@pytest.fixture
def endpoints(server: AwsServer) -> Endpoints:
    endpoints = Endpoints()
    endpoints.install(server)
    return endpoints


@pytest.fixture
def client(endpoints: Endpoints, connection: Connection) -> Iterator[RealtimeClient]:
    with RealtimeClient(connection=connection, deadline=PATIENCE) as client:
        yield client


def after(event: Callable[[], object], batch: Batch) -> Callable[[], Response]:
    """An answer that comes after something else has happened."""

    def make() -> Response:
        event()
        return answer(batch)

    return make


class TestWire:
    def test_both_detectors_get_the_image_as_it_is(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        client.read(PNG)
        for name in ("region-detection", "text-detection"):
            [call] = endpoints.calls[name]
            assert call.body == PNG
            assert call.headers["content-type"] == "image/png"
            assert call.headers["accept"] == MSGPACK
            assert "/us-east-1/sagemaker/aws4_request" in call.headers["authorization"]

    def test_ocr_gets_the_answer_of_text_detection_byte_for_byte(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        client.read(PNG)
        [call] = endpoints.calls["ocr"]
        assert call.body == encode(CROPS)
        assert call.headers["content-type"] == MSGPACK

    @pytest.mark.parametrize(
        ("start", "media_type"),
        [
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"II*\0", "image/tiff"),
            (b"MM\0*", "image/tiff"),
            (b"RIFF\0\0\0\0WEBP", "image/webp"),
        ],
    )
    def test_the_first_bytes_say_the_format(
        self, client: RealtimeClient, endpoints: Endpoints, start: bytes, media_type: str
    ) -> None:
        client.read(start + b"...")
        assert endpoints.calls["text-detection"][0].headers["content-type"] == media_type

    def test_both_detectors_are_asked_at_once(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        meeting = threading.Barrier(2)
        for name, batch in (("region-detection", REGIONS), ("text-detection", CROPS)):
            endpoints.script[name].append(after(partial(meeting.wait, timeout=PATIENCE), batch))
        assert client.read(PNG).regions
        assert not meeting.broken

    def test_ocr_does_not_wait_for_the_regions(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        asked = threading.Event()
        endpoints.script["ocr"].append(after(asked.set, TEXT))
        endpoints.script["region-detection"].append(after(partial(asked.wait, timeout=PATIENCE), REGIONS))
        client.read(PNG)
        assert asked.is_set()


class TestResult:
    def test_everything_that_the_models_said(self, client: RealtimeClient) -> None:
        page = client.read(PNG)
        assert (page.number, page.width, page.height) == (1, 100, 50)
        assert page.text == "Grüß"
        assert (page.lines,) == tuple(page.lines for page in TEXT.pages if page.status == "ok")
        assert (page.regions,) == tuple(page.regions for page in REGIONS.pages if page.status == "ok")
        assert {stage: model.name for stage, model in page.models.items()} == {
            "region_detection": "regions",
            "text_detection": "lines",
            "ocr": "letters",
        }
        assert page.seconds == {"region_detection": 0.1, "text_detection": 0.2, "ocr": 0.3}
        assert page.to_original == ((1, 0, 0), (0, 1, 0), (0, 0, 1))

    def test_it_is_a_message_like_any_other(self, client: RealtimeClient) -> None:
        page = client.read(PNG)
        assert type(page).model_validate_json(page.model_dump_json()) == page

    def test_a_page_that_a_stage_lost_is_its_error(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        error = ErrorInfo(code=ErrorCode.TRUNCATED_IMAGE, message="ends early", retryable=False)
        lost = FailedPage(number=1, stage="text_detection", error=error)
        endpoints.usual["ocr"] = lambda: answer(TextBatch(pages=(lost,)))
        with pytest.raises(DocumentError, match="text_detection: ends early") as raised:
            client.read(PNG)
        assert raised.value.code is ErrorCode.TRUNCATED_IMAGE

    @pytest.mark.parametrize("stage", ["region-detection", "ocr"])
    def test_an_answer_that_is_none_is_the_fault_of_its_endpoint(
        self, client: RealtimeClient, endpoints: Endpoints, stage: str
    ) -> None:
        endpoints.usual[stage] = lambda: Response(b"\xc1 no message", content_type=MSGPACK)
        with pytest.raises(EngineError, match=stage.replace("-", "_")):
            client.read(PNG)

    def test_many_threads_share_a_client(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        with ThreadPoolExecutor(16) as callers:
            pages = list(callers.map(lambda _: client.read(PNG), range(48)))
        assert all(page == pages[0] for page in pages)
        assert len(endpoints.calls["ocr"]) == 48


class TestRotation:
    def test_the_image_is_turned_before_it_is_read(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        matrix = ((0.0, 1.0, 0.0), (-1.0, 0.0, 50.0), (0.0, 0.0, 1.0))
        upright = PageImage(
            number=1,
            width=100,
            height=50,
            encoding="jpeg",
            data=b"\xff\xd8\xff turned",
            to_original=matrix,
            seconds=0.4,
        )
        endpoints.usual["rotation"] = lambda: Response(
            upright.model_dump_json(), content_type="application/json"
        )
        page = client.read(PNG, upright=True)
        [call] = endpoints.calls["rotation"]
        assert b64decode(json.loads(call.body)["image"]) == PNG
        for name in ("region-detection", "text-detection"):
            assert endpoints.calls[name][0].body == upright.data
            assert endpoints.calls[name][0].headers["content-type"] == "image/jpeg"
        assert page.to_original == matrix
        assert page.seconds["rotation"] == 0.4

    def test_what_the_function_raised_keeps_its_code(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        info = ErrorInfo(code=ErrorCode.PAGE_TOO_LARGE, message="too many pixels", retryable=False)
        told = json.dumps({"errorType": "PermanentError", "errorMessage": info.model_dump_json()})
        endpoints.usual["rotation"] = lambda: Response(told, 200, {"X-Amz-Function-Error": "Unhandled"})
        with pytest.raises(DocumentError, match="rotation: too many pixels") as raised:
            client.read(PNG, upright=True)
        assert raised.value.code is ErrorCode.PAGE_TOO_LARGE
        assert not endpoints.calls["text-detection"]

    def test_a_function_that_died_is_an_engine_error(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        told = json.dumps({"errorMessage": "Task timed out after 300.00 seconds"})
        endpoints.usual["rotation"] = lambda: Response(told, 200, {"X-Amz-Function-Error": "Unhandled"})
        with pytest.raises(EngineError):
            client.read(PNG, upright=True)

    def test_a_throttled_function_is_asked_again(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        upright = PageImage(number=1, width=100, height=50, encoding="png", data=PNG)
        endpoints.usual["rotation"] = lambda: Response(upright.model_dump_json())
        endpoints.script["rotation"] = [lambda: refusal("TooManyRequestsException", 429)] * 2
        client.read(PNG, upright=True)
        assert len(endpoints.calls["rotation"]) == 3


class TestTryingAgain:
    @pytest.mark.parametrize("stage", ["region-detection", "text-detection", "ocr"])
    @pytest.mark.parametrize(
        "refused",
        [
            refusal("ModelNotReadyException", 429),
            refusal("ThrottlingException", 400),
            refusal("ServiceUnavailable", 503),
            refusal(
                "ValidationError", 400, Message="Inference Component has no capacity to process this request"
            ),
            refusal("InternalDependencyException", 530),
            model_error(503, ErrorCode.OVERLOADED, "full"),
            refusal("ModelError", 424, OriginalStatusCode=429, OriginalMessage="slow down"),
        ],
        ids=["not-ready", "throttled", "unavailable", "asleep", "dependency", "model-full", "model-429"],
    )
    def test_not_now_is_asked_again(
        self, client: RealtimeClient, endpoints: Endpoints, stage: str, refused: Response
    ) -> None:
        endpoints.script[stage] = [lambda: refused] * 2
        assert client.read(PNG).text == "Grüß"
        assert len(endpoints.calls[stage]) == 3

    @pytest.mark.parametrize(
        ("refused", "kind", "code"),
        [
            (model_error(422, ErrorCode.CORRUPT_DOCUMENT, "no pixels"), DocumentError, "CORRUPT_DOCUMENT"),
            (model_error(500, ErrorCode.ENGINE_FAILED, "cudnn"), EngineError, "ENGINE_FAILED"),
            (model_error(413, ErrorCode.BODY_TOO_LARGE, "large"), RequestError, "BODY_TOO_LARGE"),
            (refusal("ModelError", 424, OriginalStatusCode=500), OcrError, "INTERNAL"),
            (refusal("InternalFailure", 500), OcrError, "INTERNAL"),
            (refusal("AccessDeniedException", 403), ConfigurationError, "CONFIGURATION_INVALID"),
        ],
        ids=["corrupt", "engine", "large", "silent", "failure", "denied"],
    )
    def test_what_cannot_heal_is_raised_at_once(
        self, client: RealtimeClient, endpoints: Endpoints, refused: Response, kind: type[OcrError], code: str
    ) -> None:
        endpoints.usual["text-detection"] = lambda: refused
        with pytest.raises(kind) as raised:
            client.read(PNG)
        assert raised.value.code == code
        assert len(endpoints.calls["text-detection"]) == 1

    def test_an_endpoint_that_is_not_there_is_a_matter_of_configuration(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        del endpoints.usual["ocr"]
        with pytest.raises(ConfigurationError, match="stage local"):
            client.read(PNG)

    def test_an_endpoint_that_stays_full_is_given_up_at_the_deadline(
        self, connection: Connection, endpoints: Endpoints
    ) -> None:
        endpoints.usual["ocr"] = lambda: refusal("ServiceUnavailable", 503)
        for deadline in (2, 20, 60):  # on a busy machine the first may pass before it is asked twice
            client = RealtimeClient(connection=connection, deadline=deadline)
            with client, pytest.raises(OcrError) as raised:
                client.read(PNG)
            assert raised.value.code in {ErrorCode.OVERLOADED, ErrorCode.STAGE_TIMEOUT}
            if len(endpoints.calls["ocr"]) > 1:
                return
        pytest.fail("it was never asked again")

    def test_an_endpoint_that_hangs_is_given_up_at_the_deadline(
        self, connection: Connection, endpoints: Endpoints
    ) -> None:
        hanging = threading.Event()
        endpoints.usual["region-detection"] = after(partial(hanging.wait, timeout=PATIENCE), REGIONS)
        client = RealtimeClient(connection=connection, deadline=0.5)
        with pytest.raises(EngineError) as raised:
            client.read(PNG)
        assert raised.value.code is ErrorCode.STAGE_TIMEOUT
        hanging.set()
        client.close()


class TestRefused:
    def test_a_body_over_the_limit_is_never_sent(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        with pytest.raises(RequestError) as raised:
            client.read(PNG.ljust(6 * MIB + 1))
        assert raised.value.code is ErrorCode.BODY_TOO_LARGE
        assert not endpoints.calls

    def test_a_body_at_the_limit_is_sent(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        client.read(PNG.ljust(6 * MIB))
        assert len(endpoints.calls["text-detection"][0].body) == 6_291_456

    def test_base64_counts_where_the_image_is_turned(
        self, client: RealtimeClient, endpoints: Endpoints
    ) -> None:
        with pytest.raises(RequestError, match="as base64") as raised:
            client.read(PNG.ljust(5 * MIB), upright=True)
        assert raised.value.code is ErrorCode.BODY_TOO_LARGE
        assert not endpoints.calls

    def test_crops_over_the_limit_are_never_sent(self, client: RealtimeClient, endpoints: Endpoints) -> None:
        endpoints.usual["text-detection"] = lambda: Response(bytes(6 * MIB + 1))
        with pytest.raises(RequestError, match="text detection found"):
            client.read(PNG)
        assert not endpoints.calls["ocr"]

    @pytest.mark.parametrize(
        ("image", "code"), [(b"", ErrorCode.EMPTY_FILE), (b"%PDF-1.7", ErrorCode.UNSUPPORTED_FORMAT)]
    )
    @pytest.mark.parametrize("upright", [False, True])
    def test_what_is_no_image_is_never_sent(
        self, client: RealtimeClient, endpoints: Endpoints, image: bytes, code: ErrorCode, upright: bool
    ) -> None:
        with pytest.raises(DocumentError) as raised:
            client.read(image, upright=upright)
        assert raised.value.code is code
        assert not endpoints.calls
