"""What the stages said becomes one result: order, status, verdict, and nothing lost on the way."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.stages.validation import load_rules, validate
from hybrid_ocr.stages.validation.assemble import unique_ids
from hybrid_ocr.stages.validation.text import PAGE_BREAK, printable
from tests.validation.pages import column, document, failed, line, page, region

RULES = load_rules()


def test_pages_lines_and_text_come_in_reading_order():
    second = page(column("b", 100, 100, 3), number=2)
    first = page(
        [line("right 2.50", 900, 100, 100), line("left", 100, 104, 300), line("below", 100, 160, 200)]
    )
    result = validate(document(second, first), RULES)
    assert [p.number for p in result.pages] == [1, 2]
    assert [item.text for item in result.pages[0].lines] == ["left", "right 2.50", "below"]
    head, tail = result.text.split(PAGE_BREAK)
    assert head == "left   right 2.50\nbelow"
    assert tail.splitlines()[0].startswith("b0 ")
    assert (result.status, result.verdict) == ("completed", "accept")


def test_paragraphs_are_parted_by_an_empty_line_and_hyphens_kept():
    lines = [
        *column("a", 100, 100, 4),
        line("a hyphen-", 100, 260),
        line("ated word", 100, 340),
        line("end", 100, 380),
    ]
    text = validate(document(page(lines)), RULES).text
    assert "a hyphen-\n\nated word\nend" in text


def test_indented_first_lines_start_paragraphs():
    lines = [*column("a", 100, 100, 5), line("b0 indented", 130, 300, 470), *column("c", 100, 340, 5)]
    assert "\n\nb0 indented\nc0" in validate(document(page(lines)), RULES).text


def test_a_line_belongs_to_the_smallest_region_that_holds_its_middle():
    regions = [
        region("table", 0, 0, 1600, 1000, name="big"),
        region("title", 90, 90, 700, 140, name="small"),
        region("text", 0, 1500, 610, 1526, name="upper"),
    ]
    lines = [
        line("in both", 100, 100, name="a"),
        line("in one", 100, 600, name="b"),
        line("below", 100, 1200, name="c"),
        line("mostly", 100, 1498, 500, 50, name="d"),
    ]
    result = validate(document(page(lines, regions)), RULES)
    assert {item.id: item.region_id for item in result.pages[0].lines} == {
        "a": "small",
        "b": "big",
        "c": None,
        "d": "upper",
    }


@pytest.mark.parametrize(
    ("text", "regions", "status", "page_status"),
    [
        ("ok", "ok", "completed", "ok"),
        ("ok", "failed", "partial", "partial"),
        ("ok", None, "partial", "partial"),
        ("failed", "ok", "failed", "failed"),
        (None, "ok", "failed", "failed"),
    ],
)
def test_a_page_without_text_failed_and_one_without_regions_is_partial(text, regions, status, page_status):
    whole = page([line("words", 100, 100)])
    answers = {"ok": whole.regions, "failed": failed(1, "region_detection"), None: None}
    texts = {"ok": whole.text, "failed": failed(1, "ocr"), None: None}
    parts = whole.model_copy(update={"regions": answers[regions], "text": texts[text]})
    result = validate(document(parts), RULES)
    assert (result.status, result.pages[0].status) == (status, page_status)
    assert (result.pages[0].error is None) == (page_status == "ok")
    assert bool(result.pages[0].lines) == (text == "ok")
    assert result.verdict == {"ok": "accept", "partial": "review", "failed": "reject"}[page_status]


def test_one_bad_page_leaves_the_others_read():
    bad = page(number=2).model_copy(update={"page": failed(2), "regions": None, "text": None})
    result = validate(document(page([line("words", 100, 100)]), bad), RULES)
    assert (result.status, result.verdict) == ("partial", "review")
    assert result.pages[1].error.code == ErrorCode.TRUNCATED_IMAGE
    assert result.text == "words" + PAGE_BREAK


def test_a_missing_page_makes_the_document_partial():
    assert validate(document(page([line("words", 1, 1)]), expected=3), RULES).status == "partial"


def test_a_document_that_never_opened_failed_and_is_rejected():
    error = ErrorInfo(code=ErrorCode.ENCRYPTED_DOCUMENT, message="asks for a password", retryable=False)
    result = validate(document(expected=0, error=error), RULES)
    assert (result.status, result.verdict, result.text) == ("failed", "reject", "")
    assert [f.rule for f in result.findings] == ["document_unreadable"]


def test_of_two_answers_for_a_page_the_one_with_text_is_kept():
    good = page([line("words", 100, 100)])
    empty = good.model_copy(update={"text": failed(1, "ocr")})
    for parts in ((good, empty), (empty, good)):
        result = validate(document(*parts, expected=1), RULES)
        assert [item.text for item in result.pages[0].lines] == ["words"]
        assert "page_unexpected" in {f.rule for f in result.findings}


def test_ids_become_unique_and_stay_valid():
    ids = unique_ids(["a", "a", "a-2", "a", "x" * 32, "x" * 32])
    assert ids[0] == "a"
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 32


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_result_does_not_depend_on_the_order_of_arrival(rnd, copies):
    lines = [
        line(f"w{n % 7}", rnd.randint(0, 1500), rnd.randint(0, 2100), rnd.randint(5, 700), name=f"l{n % 9}")
        for n in range(25)
    ]
    lines += [lines[0]] * copies
    regions = [region("text", x, x, x + 400, x + 300, name=f"r{x % 3}") for x in range(0, 900, 90)]
    one = document(page(lines, regions), page(lines[:5], number=2))
    rnd.shuffle(lines)
    rnd.shuffle(regions)
    other = document(page(sorted(lines[:0]), number=2), page(lines, regions))
    assert validate(one, RULES).pages[0] == validate(other, RULES).pages[0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=20))
def test_result_lines_keep_every_character(texts):
    lines = [line(text, 50 * n, 40 * n, name=f"l{n}") for n, text in enumerate(texts)]
    result = validate(document(page(lines)), RULES)
    assert sorted(item.text for item in result.pages[0].lines) == sorted(texts)


@given(st.text())
def test_printable_text_is_one_line_without_controls(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2066]))


def test_thousands_of_lines_are_all_there():
    rnd = random.Random(3)
    lines = [
        line(
            "x",
            rnd.uniform(-100, 1700),
            rnd.uniform(0, 2200),
            rnd.uniform(1, 400),
            rnd.uniform(1, 60),
            name=f"l{n}",
        )
        for n in range(3000)
    ]
    result = validate(document(page(lines)), RULES)
    assert {item.id for item in result.pages[0].lines} == {f"l{n}" for n in range(3000)}
