"""Lines come out in the order in which a person reads them, with and without regions."""

from __future__ import annotations

import random
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ocr.stages.validation.reading_order import reading_order
from hybrid_ocr.stages.validation.rows import group_rows
from tests.validation.pages import column, line, region


def order_of(lines, regions=(), region_of=None):
    order = reading_order([item.polygon for item in lines], regions, region_of or [None] * len(lines))
    return [lines[n].text.split()[0] for n in order]


def names(prefix, count):
    return [f"{prefix}{n}" for n in range(count)]


def shuffled(lines):
    lines = list(lines)
    random.Random(7).shuffle(lines)
    return lines


def test_one_column_reads_down():
    assert order_of(shuffled(column("a", 100, 100, 20, width=1400))) == names("a", 20)


def test_two_columns_read_one_after_the_other():
    lines = shuffled(column("a", 100, 100, 30, 660) + column("b", 840, 100, 30, 660))
    assert order_of(lines) == names("a", 30) + names("b", 30)


def test_three_columns_of_different_length():
    lines = shuffled(
        column("a", 60, 100, 30, 460) + column("b", 560, 100, 30, 460) + column("c", 1060, 100, 12, 460)
    )
    assert order_of(lines) == names("a", 30) + names("b", 30) + names("c", 12)


def test_a_title_over_both_columns_comes_first_and_one_between_them_parts_them():
    top = column("a", 100, 300, 12, 660) + column("b", 840, 300, 12, 660)
    bottom = column("c", 100, 1000, 12, 660) + column("d", 840, 1000, 12, 660)
    wide = [
        line("Title over everything", 200, 100, 1200, 60),
        line("Second title over everything", 200, 880, 1200, 50),
    ]
    expected = ["Title", *names("a", 12), *names("b", 12), "Second", *names("c", 12), *names("d", 12)]
    assert order_of(shuffled(top + bottom + wide)) == expected


def test_running_head_and_foot_are_not_torn_between_columns():
    body = column("a", 100, 200, 40, 660) + column("b", 840, 200, 40, 660)
    head = [line("Journal of things", 100, 100, 300), line("12", 1460, 100, 40)]
    foot = [line("left-foot", 100, 2000, 200), line("right-foot", 1300, 2000, 200)]
    expected = ["Journal", "12", *names("a", 40), *names("b", 40), "left-foot", "right-foot"]
    assert order_of(shuffled(body + head + foot)) == expected


def test_a_head_close_to_the_text_is_known_by_its_label():
    body = column("a", 100, 150, 40, 660) + column("b", 840, 150, 40, 660)
    lines = [*body, line("Journal of things", 100, 112, 300), line("12", 1460, 112, 40)]
    regions = [region("header", 90, 100, 1510, 145)]
    got = order_of(lines, regions, [None] * 80 + [0, 0])
    assert got == ["Journal", "12", *names("a", 40), *names("b", 40)]


def test_a_narrow_sidebar_stands_apart_from_the_text():
    lines = shuffled(column("a", 100, 100, 30, 1000) + column("s", 1160, 113, 18, 320, pitch=43))
    assert order_of(lines) == names("a", 30) + names("s", 18)


def test_a_receipt_reads_row_by_row():
    items = [line(f"item{n} with a name", 60, 100 + 40 * n, 250 + 37 * (n % 5)) for n in range(15)]
    prices = [line(f"{n}.00", 1200, 103 + 40 * n, 90) for n in range(15)]
    expected = [word for n in range(15) for word in (f"item{n}", f"{n}.00")]
    assert order_of(shuffled(items + prices)) == expected


def test_a_table_reads_row_by_row_and_the_columns_beside_it_stay_columns():
    table = [
        line(f"t{row}.{cell}", 100 + 160 * cell, 100 + 40 * row, 90) for row in range(8) for cell in range(4)
    ]
    left = table + column("a", 100, 500, 20, 660)
    lines = shuffled(left + column("b", 840, 100, 30, 660))
    expected = [item.text for item in table] + names("a", 20) + names("b", 30)
    assert order_of(lines) == expected


def test_a_table_region_that_is_two_columns_of_prose_is_not_believed():
    lines = column("a", 100, 100, 30, 660) + column("b", 840, 100, 30, 660)
    got = order_of(lines, [region("table", 80, 80, 1520, 1400)], [0] * 60)
    assert got == names("a", 30) + names("b", 30)


def test_a_page_that_leans_is_read_as_if_it_stood_upright():
    straight = [
        *column("a", 60, 100, 30, 700),
        *[line(f"{n}.00", 1350, 100 + 40 * n, 100) for n in range(30)],
    ]
    leaning = [
        item.model_copy(update={"polygon": tuple((x, y + 0.03 * x) for x, y in item.polygon)})
        for item in straight
    ]
    assert (
        order_of(shuffled(leaning))
        == order_of(straight)
        == [w for n in range(30) for w in (f"a{n}", f"{n}.00")]
    )


boxes = st.tuples(st.integers(-200, 1800), st.integers(-200, 2400), st.integers(0, 900), st.integers(0, 120))


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, max_size=60))
def test_every_line_comes_out_once_whatever_the_page(drawn):
    polygons = [((x, y), (x + w, y), (x + w, y + h), (x, y + h)) for x, y, w, h in drawn]
    assert sorted(reading_order(polygons, (), [None] * len(polygons))) == list(range(len(polygons)))


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes, max_size=40, unique=True), st.integers(-500, 500), st.integers(-500, 500))
def test_the_order_does_not_depend_on_where_the_page_begins(drawn, dx, dy):
    def polygons(dx, dy):
        return [
            ((x + dx, y + dy), (x + w + dx, y + dy), (x + w + dx, y + h + dy), (x + dx, y + h + dy))
            for x, y, w, h in drawn
        ]

    none = [None] * len(drawn)
    assert reading_order(polygons(0, 0), (), none) == reading_order(polygons(dx, dy), (), none)


@pytest.mark.parametrize("value", [1e308, -1e308])
def test_absurd_coordinates_are_survived(value):
    lines = [line("far", value, value, 5), line("near", 5, 5, 5), line("flat", 0, 0, 0, 0)]
    assert sorted(order_of(lines)) == ["far", "flat", "near"]


def test_rows_follow_a_crumpled_receipt():
    # Each fragment stands a little lower than its neighbour: the ends share no height, the neighbours do.
    boxes = np.array([[x, 10 + x * 0.1, x + 90, 40 + x * 0.1] for x in range(0, 700, 100)], float)
    assert group_rows(boxes) == [[0, 1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize("name", ["singlecol_01", "multicol_01", "receipt_03", "slide_01", "form_01"])
def test_lines_of_real_pages_come_in_the_order_of_their_truth(real_documents, name):
    tree = ET.parse(real_documents / "pages" / f"{name}.hocr")  # noqa: S314
    found = [e.get("title") for e in tree.iter() if e.get("class") == "ocr_line"]
    boxes = [list(map(float, re.search(r"bbox ([\d. -]+)", title)[1].split()[:4])) for title in found]
    lines = [line(str(n), x, y, right - x, bottom - y) for n, (x, y, right, bottom) in enumerate(boxes)]
    order = np.array([int(text) for text in order_of(shuffled(lines))])
    later = np.triu(np.sign(order[None, :] - order[:, None]), 1).sum()
    kendalls_tau = later / (len(order) * (len(order) - 1) / 2)
    assert kendalls_tau > 0.85  # the truth has oddities of its own


def test_a_table_of_long_cells_is_believed_where_a_region_says_table():
    # Cells of several lines, centred in their row: without the region this looks like columns.
    cells = [
        line(
            f"{row}{name}",
            100 + 380 * n,
            120 * row + 300 + 20 * ((row + n) % 3) + 40 * part,
            230,
        )
        for row in range(8)
        for n, name in enumerate("xyz")
        for part in range(1 + (row + n) % 2)
    ]
    got = order_of(cells, [region("table", 80, 280, 1300, 1400)], [0] * len(cells))
    assert [int(word[0]) for word in got] == sorted(int(word[0]) for word in got)


def test_an_invoice_table_stays_whole_where_no_region_tells_of_it():
    address = [line(f"to{n} street and town", 100, 200 + 40 * n, 330) for n in range(5)]
    facts = [line(f"fact{n} of the invoice", 1000, 222 + 44 * n, 380) for n in range(5)]
    items = [
        line(f"i{row}.{name}", x, 600 + 40 * row, width)
        for row in range(8)
        for name, x, width in (("code", 100, 60), ("what", 250, 420), ("qty", 800, 40), ("sum", 1300, 90))
    ]
    sums = [line(f"sum{n} with tax", 1000, 1013 + 44 * n, 400) for n in range(4)]
    notes = [line(f"note{n} about paying", 100, 1000 + 40 * n, 600) for n in range(4)]
    got = order_of(shuffled(address + facts + items + sums + notes))
    table = [word for word in got if word.startswith("i")]
    assert table == [item.text for item in items]
    assert got.index("i7.sum") - got.index("i0.code") == len(items) - 1
