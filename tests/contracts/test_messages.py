"""A message survives the wire, refuses what nobody declared, and its schema does not drift."""

from __future__ import annotations

import base64
import json
import math
import pickle

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hybrid_ocr.contracts import codec, generate
from hybrid_ocr.contracts.errors import ERRORS, DocumentError, ErrorCode, ErrorInfo, OcrError, RequestError
from hybrid_ocr.contracts.geometry import apply_matrix, as_matrix, bounding_box
from hybrid_ocr.contracts.messages import (
    CropBatch,
    FailedPage,
    LineCrop,
    PageBatch,
    PageCrops,
    PageImage,
    PageText,
    RecognisedLine,
    Region,
    TextBatch,
    TextLine,
)

QUAD = ((1.0, 2.0), (30.0, 2.0), (30.0, 12.0), (1.0, 12.0))


def crop_page(number: int = 1, pixels: bytes = b"\x00\xff\xfe") -> PageCrops:
    return PageCrops(
        number=number,
        width=100,
        height=200,
        lines=(TextLine(id="l1", polygon=QUAD, score=0.9),),
        crops=(LineCrop(line_id="l1", width=1, height=1, encoding="raw", data=pixels),),
    )


def failed_page(number: int) -> FailedPage:
    error = DocumentError("page 2 ends early", code=ErrorCode.TRUNCATED_IMAGE)
    return FailedPage(number=number, stage="opening", error=ErrorInfo.of(error))


@pytest.mark.parametrize("media_type", [codec.MSGPACK, codec.JSON])
@given(pixels=st.binary(max_size=64))
def test_a_batch_survives_the_wire(media_type: codec.MediaType, pixels: bytes) -> None:
    batch = CropBatch(pages=(crop_page(1, pixels), failed_page(2)))
    assert codec.decode(CropBatch, codec.encode(batch, media_type), media_type) == batch


@given(text=st.text(), confidence=st.floats(0, 1))
def test_any_text_survives_the_wire(text: str, confidence: float) -> None:
    line = RecognisedLine(id="l1", polygon=QUAD, score=1, text=text, confidence=confidence)
    batch = TextBatch(pages=(PageText(number=1, width=9, height=9, lines=(line,)),))
    for media_type in (codec.MSGPACK, codec.JSON):
        try:
            body = codec.encode(batch, media_type)
        except (UnicodeEncodeError, ValueError):
            assert any("\ud800" <= c <= "\udfff" for c in text)
            continue
        assert codec.decode(TextBatch, body, media_type) == batch


def test_pixels_are_standard_base64_in_json() -> None:
    pixels = bytes(range(256))
    page = PageImage(number=1, width=1, height=1, encoding="png", data=pixels)
    shown = json.loads(codec.encode(PageBatch(pages=(page,)), codec.JSON))
    assert base64.b64decode(shown["pages"][0]["data"], validate=True) == pixels


def test_an_unknown_field_is_refused_by_name() -> None:
    body = json.loads(codec.encode(PageBatch(pages=()), codec.JSON)) | {"colour": "red"}
    with pytest.raises(RequestError, match="colour"):
        codec.decode(PageBatch, json.dumps(body).encode(), codec.JSON)


def test_a_refusal_never_repeats_the_document() -> None:
    body = json.dumps({"pages": [{"status": "ok", "number": "SECRET"}]}).encode()
    with pytest.raises(RequestError) as refusal:
        codec.decode(PageBatch, body, codec.JSON)
    assert "SECRET" not in refusal.value.message
    assert refusal.value.code is ErrorCode.INVALID_REQUEST


@given(body=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(body: bytes) -> None:
    for media_type in (codec.MSGPACK, codec.JSON):
        answer: object
        try:
            answer = codec.decode(PageBatch, body, media_type)
        except RequestError as refusal:
            answer = refusal.code
        assert isinstance(answer, PageBatch) or answer is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_body_cut_short_is_refused(cut: int) -> None:
    body = codec.encode(CropBatch(pages=(crop_page(),)))
    with pytest.raises(RequestError):
        codec.decode(CropBatch, body[:-cut])


def test_deep_nesting_is_refused_not_crashed_on() -> None:
    for body, media_type in ((b"\x91" * 100_000, codec.MSGPACK), (b"[" * 100_000, codec.JSON)):
        with pytest.raises(RequestError):
            codec.decode(PageBatch, body, media_type)


@pytest.mark.parametrize("media_type", [codec.MSGPACK, codec.JSON])
def test_a_body_of_countless_pages_is_refused(media_type: codec.MediaType) -> None:
    one = failed_page(1).model_dump(mode="json")
    body = {"pages": [one] * 30_000}
    packed = json.dumps(body).encode() if media_type == codec.JSON else msgpack.packb(body)
    with pytest.raises(RequestError):
        codec.decode(PageBatch, packed, media_type)


def test_messages_are_frozen() -> None:
    with pytest.raises(ValidationError):
        crop_page().width = 5  # type: ignore[misc]


def test_a_page_has_one_crop_for_each_line() -> None:
    with pytest.raises(ValidationError, match="exactly one crop"):
        PageCrops(number=1, width=9, height=9, lines=(TextLine(id="l1", polygon=QUAD, score=1),), crops=())


@pytest.mark.parametrize("box", [(5, 0, 4, 1), (0, 5, 1, 4), (0, 0, math.nan, 1), (0, 0, 1, math.inf)])
def test_an_impossible_box_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValidationError):
        Region(id="r1", label="text", bbox=box, score=0.5)


def test_every_code_has_its_line_in_the_table() -> None:
    assert set(ERRORS) == set(ErrorCode)
    assert len(ERRORS) <= 25


def test_errors_cross_process_boundaries_whole() -> None:
    error = pickle.loads(pickle.dumps(DocumentError("cut short", code=ErrorCode.TRUNCATED_IMAGE)))  # noqa: S301
    assert isinstance(error, DocumentError)
    assert (error.message, error.code) == ("cut short", ErrorCode.TRUNCATED_IMAGE)


def test_a_foreign_error_is_described_without_its_text() -> None:
    info = ErrorInfo.of(ValueError("IBAN DE89 3704"))
    assert info.code is ErrorCode.INTERNAL
    assert "DE89" not in info.message


def test_only_codes_that_can_heal_ask_for_a_retry() -> None:
    retryable = {code for code, spec in ERRORS.items() if spec.retryable}
    assert retryable == {
        ErrorCode.OVERLOADED,
        ErrorCode.NOT_READY,
        ErrorCode.STAGE_TIMEOUT,
        ErrorCode.ENGINE_FAILED,
    }
    assert OcrError("x").spec.retryable is False


def test_derived_files_have_not_drifted() -> None:
    assert generate.drifted() == []


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=1, max_size=8))
def test_a_matrix_and_its_inverse_cancel(points: list[tuple[float, float]]) -> None:
    turn = np.array([[0.96, -0.28, 31.0], [0.28, 0.96, -7.0], [0.0, 0.0, 1.0]])
    there = apply_matrix(as_matrix(turn), np.array(points))
    back = apply_matrix(as_matrix(np.linalg.inv(turn)), there)
    np.testing.assert_allclose(back, points, atol=1e-6)


def test_bounding_box_of_a_leaning_quad() -> None:
    assert bounding_box(((1, 5), (9, 2), (10, 4), (2, 7))) == (1, 2, 10, 7)
