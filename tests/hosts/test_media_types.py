"""Content-Type and Accept as clients write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.codec import JSON, MSGPACK
from hybrid_ocr.contracts.errors import RequestError
from hybrid_ocr.hosts.container.media_types import NotAcceptableError, answer_type, body_form


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        (None, "undeclared"),
        (" ; q=1", "undeclared"),
        ("application/octet-stream", "undeclared"),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/X-MSGPACK", MSGPACK),
        ("image/jpg", "image"),
        ("Image/JPEG ; charset=binary", "image"),
        ("application/x-image", "image"),
    ],
)
def test_a_content_type_says_what_a_body_is(content_type: str | None, form: str) -> None:
    assert body_form(content_type, takes_images=True) == form


@pytest.mark.parametrize(
    "content_type", [None, "application/octet-stream", "image/png", "application/x-image"]
)
def test_where_no_image_is_taken_the_refusal_names_none(content_type: str | None) -> None:
    with pytest.raises(RequestError, match=f"send {MSGPACK} or {JSON}$"):
        body_form(content_type, takes_images=False)


@pytest.mark.parametrize(
    ("accept", "default", "answered"),
    [
        ([], MSGPACK, MSGPACK),
        ([""], JSON, JSON),
        ([" , ,"], JSON, JSON),
        (["*/*"], JSON, JSON),
        (["application/*"], MSGPACK, MSGPACK),
        (["APPLICATION/JSON; charset=utf-8"], MSGPACK, JSON),
        (["application/x-msgpack"], JSON, MSGPACK),
        (["text/html, application/xhtml+xml, */*;q=0.8"], JSON, JSON),
        ([f"{JSON}, {MSGPACK}"], MSGPACK, JSON),
        ([f"{MSGPACK};q=0.2, {JSON};Q=0.9"], MSGPACK, JSON),
        ([f"{MSGPACK};q=0.2", f"{JSON};q=0.9"], MSGPACK, JSON),
        ([f"{MSGPACK};q=0, */*"], MSGPACK, JSON),
        ([f"*/*;q=0, {JSON}"], MSGPACK, JSON),
        ([f"application/*;q=0.1, {JSON};q=0.05"], JSON, MSGPACK),
        ([f"*/*;q=0.9, application/*;q=0.1, {JSON};q=0.5"], MSGPACK, JSON),
        ([f"{MSGPACK};q=much, {JSON};q=0.1"], MSGPACK, JSON),
    ],
)
def test_an_accept_header_is_met(accept: list[str], default: str, answered: str) -> None:
    assert answer_type(accept, default) == answered  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "accept", ["text/html", "image/jpeg", "*/*;q=0", f"{JSON};q=0", "json", "*", "*/json", f"{JSON};q=2", ";"]
)
def test_an_accept_header_that_cannot_be_met_names_what_can_be_had(accept: str) -> None:
    with pytest.raises(NotAcceptableError, match=f"{MSGPACK} or {JSON}$"):
        answer_type([accept], JSON)


@given(st.lists(st.text()))
def test_any_accept_header_is_met_or_refused(accept: list[str]) -> None:
    with contextlib.suppress(NotAcceptableError):
        assert answer_type(accept, JSON) in {MSGPACK, JSON}
