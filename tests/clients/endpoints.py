"""Scripted endpoints behind a socket: they keep what reached them, and answer as SageMaker and Lambda do."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug import Request, Response

from hybrid_ocr.contracts.codec import MSGPACK, encode
from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import (
    Batch,
    CropBatch,
    LineCrop,
    ModelIdentity,
    PageCrops,
    PageRegions,
    PageText,
    RecognisedLine,
    Region,
    RegionBatch,
    TextBatch,
    TextLine,
)
from local_aws.server import AwsServer

QUAD = ((10.0, 10.0), (90.0, 10.0), (90.0, 30.0), (10.0, 30.0))


def model(name: str) -> ModelIdentity:
    return ModelIdentity(name=name, version="1", sha256="0" * 64)


REGIONS = RegionBatch(
    models={"region_detection": model("regions")},
    pages=(
        PageRegions(
            number=1,
            width=100,
            height=50,
            regions=(Region(id="r0", label="text", bbox=(0, 0, 100, 50), score=0.9),),
            seconds=0.1,
        ),
    ),
)
CROPS = CropBatch(
    models={"text_detection": model("lines")},
    pages=(
        PageCrops(
            number=1,
            width=100,
            height=50,
            lines=tuple(TextLine(id=name, polygon=QUAD, score=0.9) for name in ("l0", "l1")),
            crops=tuple(
                LineCrop(line_id=name, width=80, height=20, encoding="raw", data=bytes(80 * 20 * 3))
                for name in ("l0", "l1")
            ),
            seconds=0.2,
        ),
    ),
)
TEXT = TextBatch(
    models={"text_detection": model("lines"), "ocr": model("letters")},
    pages=(
        PageText(
            number=1,
            width=100,
            height=50,
            lines=(
                RecognisedLine(
                    id="l0",
                    polygon=QUAD,
                    score=0.9,
                    text="Grüß",
                    confidence=0.95,
                    character_confidence=(0.9, 0.9, 1, 1),
                ),
                RecognisedLine(id="l1", polygon=QUAD, score=0.9, text="", confidence=0),
            ),
            seconds=0.3,
            detection_seconds=0.2,
        ),
    ),
)


def answer(batch: Batch) -> Response:
    return Response(encode(batch), content_type=MSGPACK)


def refusal(code: str, status: int, **members: Any) -> Response:
    """An error of a service, in the form of rest-json."""
    body = json.dumps({"Message": f"{code} it is", **members})
    return Response(body, status, {"x-amzn-ErrorType": code}, content_type="application/json")


def model_error(status: int, code: ErrorCode, message: str) -> Response:
    """What a container answered, as SageMaker passes it on."""
    info = ErrorInfo(code=code, message=message, retryable=False)
    original = json.dumps({"error": info.model_dump(mode="json")})
    return refusal("ModelError", 424, OriginalStatusCode=status, OriginalMessage=original)


@dataclass(frozen=True)
class Call:
    """A request as it came over the wire."""

    headers: dict[str, str]
    body: bytes


class Endpoints:
    """Endpoints and the function `rotation`; `script` puts other answers before the usual ones."""

    def __init__(self) -> None:
        self.calls: defaultdict[str, list[Call]] = defaultdict(list)
        self.script: defaultdict[str, list[Callable[[], Response]]] = defaultdict(list)
        self.usual: dict[str, Callable[[], Response]] = {
            "region-detection": lambda: answer(REGIONS),
            "text-detection": lambda: answer(CROPS),
            "ocr": lambda: answer(TEXT),
        }
        self._lock = threading.Lock()

    def install(self, server: AwsServer) -> None:
        server.add_route(
            "POST", re.compile(r"/endpoints/hybrid-ocr-local-(.+)-realtime/invocations"), self._answer
        )
        server.add_route(
            "POST", re.compile(r"/2015-03-31/functions/hybrid-ocr-local-(.+)/invocations"), self._answer
        )

    def _answer(self, request: Request, match: re.Match[str]) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.calls[match[1]].append(Call(headers, request.get_data()))
            scripted = self.script[match[1]]
            make = scripted.pop(0) if scripted else self.usual.get(match[1])
        return (
            make() if make else refusal("ValidationError", 400, Message="Endpoint x of account y not found.")
        )
