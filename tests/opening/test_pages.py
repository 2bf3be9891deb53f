"""Which pages a caller asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ErrorCode, RequestError
from hybrid_ocr.opening import parse_pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("1", [1]),
        ("1-5,8", [1, 2, 3, 4, 5, 8]),
        ("8, 1-2", [8, 1, 2]),
        ("3,1-4", [3, 1, 2, 4]),
        ("10-10", [10]),
        ("9-999999", [9, 10]),
        ("9-", [9, 10]),
    ],
)
def test_pages_come_in_the_order_named_each_once(text: str, pages: list[int]) -> None:
    assert parse_pages(text, 10) == pages


@pytest.mark.parametrize("text", ["", "a", "-1", "1,,2", "5-1", "1.5", "\u0661", "1" * 50])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_pages(text, 10)
    assert caught.value.code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("text", ["0", "11", "0-5", "11-12"])
def test_pages_the_document_does_not_have(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_pages(text, 10)
    assert caught.value.code == ErrorCode.PAGE_OUT_OF_RANGE


@given(st.lists(st.integers(1, 60), min_size=1))
def test_naming_every_page_gives_it_back(pages: list[int]) -> None:
    assert parse_pages(",".join(map(str, pages)), 60) == list(dict.fromkeys(pages))
