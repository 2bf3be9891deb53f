"""An invoice with a ruled table, on letter-headed paper."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from samples.drawing.sheet import Sheet, Style

WIDTH, HEIGHT, DPI = 595.0, 842.0, 200.0
_LEFT, _RIGHT = 50.0, 545.0
_COLUMNS: Final = (_LEFT, 92.0, 322.0, 372.0, 456.0, _RIGHT)
_ROW = 24.0

_BODY: Final = Style("sans", 9.0, 14.0)
_BOLD: Final = Style("sans-bold", 9.0, 14.0)
_WHITE: Final = Style("sans-bold", 8.6, colour=(255, 255, 255))
_SMALL: Final = Style("sans", 7.6, 11.0)

_VAT = Decimal("0.20")
_GOODS: Final = (
    ("1001", "Ledger paper, ruled, ream of 500", 12, Decimal("8.40")),
    ("1014", "Envelopes, manila, box of 250", 6, Decimal("11.25")),
    ("2203", "Fountain pen ink, blue black, 50 ml", 24, Decimal("4.95")),
    ("2210", "Pencils HB, dozen", 15, Decimal("3.60")),
    ("3077", "Binding cloth, dark green, per metre", 18, Decimal("14.80")),
    ("3081", "Linen thread No. 18, spool", 10, Decimal("6.75")),
    ("4120", "Archive box, acid free, A4", 40, Decimal("5.15")),
    ("9000", "Carriage and packing", 1, Decimal("18.50")),
)


def draw() -> list[Sheet]:
    """The one page of the invoice."""
    sheet = Sheet(WIDTH, HEIGHT, DPI)
    _head(sheet)
    _parties(sheet)
    below = _goods(sheet, 262)
    below = _totals(sheet, below)
    with sheet.region("text"):
        terms = (
            "Please pay within 30 days of the date of this invoice, quoting its number. Goods remain the "
            "property of the seller until paid for in full. Queries: accounts@harrow-and-finch.example"
        )
        for number, (line, _) in enumerate(sheet.wrapped(terms, 330, _SMALL)):
            sheet.text(_LEFT, below + 40 + number * _SMALL.leading, line, _SMALL)
    with sheet.region("footer"):
        sheet.rule([(_LEFT, 784), (_RIGHT, 784)], 0.7, 70)
        registered = "Harrow & Finch Ltd. Registered in England No. 01234567. VAT No. GB 123 4567 89"
        sheet.text(WIDTH / 2, 798, registered, _SMALL, "m")
    return [sheet]


def _head(sheet: Sheet) -> None:
    with sheet.region("header"):
        sheet.fill((_LEFT, 46, _LEFT + 34, 80), (40, 62, 84))
        sheet.text(_LEFT + 17, 69, "HF", Style("sans-bold", 15, colour=(255, 255, 255)), "m")
        sheet.text(_LEFT + 46, 62, "Harrow & Finch", Style("sans-bold", 15))
        sheet.text(_LEFT + 46, 77, "Stationers and Bookbinders since 1871", _SMALL)
    with sheet.region("title"):
        sheet.text(_RIGHT, 70, "INVOICE", Style("sans-bold", 24, colour=(40, 62, 84)), "r")
    with sheet.region("header"):
        sheet.text(_LEFT, 108, "14 Paternoster Row, London EC4M 7DX", _SMALL)
        sheet.text(_LEFT, 119, "Telephone 020 7946 0321", _SMALL)


def _parties(sheet: Sheet) -> None:
    with sheet.region("text"):
        sheet.text(_LEFT, 158, "Bill to", _BOLD)
        address = ("Miss E. Bennet", "Longbourn House", "Meryton, Hertfordshire", "SG13 8XY")
        for number, line in enumerate(address):
            sheet.text(_LEFT, 174 + number * _BODY.leading, line, _BODY)
    with sheet.region("text"):
        facts = (
            ("Invoice number", "HF-2024-00817"),
            ("Invoice date", "12 March 2024"),
            ("Due date", "11 April 2024"),
            ("Your order", "LB/0442"),
            ("Account", "BENN01"),
        )
        for number, (name, value) in enumerate(facts):
            sheet.text(345, 158 + number * 16, name, _BOLD)
            sheet.text(_RIGHT, 158 + number * 16, value, _BODY, "r")


def _goods(sheet: Sheet, top: float) -> float:
    """The ruled table of goods; returns its lower edge."""
    bottom = top + _ROW * (len(_GOODS) + 1)
    with sheet.region("table"):
        sheet.fill((_LEFT, top, _RIGHT, top + _ROW), (40, 62, 84))
        _row(sheet, top, ("Code", "Description", "Qty", "Unit price", "Amount"), _WHITE)
        for number, (code, name, quantity, price) in enumerate(_GOODS, start=1):
            cells = (code, name, str(quantity), _money(price), _money(price * quantity))
            _row(sheet, top + number * _ROW, cells, _BODY)
        for number in range(len(_GOODS) + 2):
            sheet.rule([(_LEFT, top + number * _ROW), (_RIGHT, top + number * _ROW)], 0.7, 60)
        for x in _COLUMNS:
            sheet.rule([(x, top), (x, bottom)], 0.7, 60)
    return bottom


def _row(sheet: Sheet, top: float, cells: tuple[str, ...], style: Style) -> None:
    for column, cell in enumerate(cells):
        baseline = top + 15.5
        if column < 2:
            sheet.text(_COLUMNS[column] + 6, baseline, cell, style)
        else:
            sheet.text(_COLUMNS[column + 1] - 6, baseline, cell, style, "r")


def _totals(sheet: Sheet, top: float) -> float:
    net = sum((price * quantity for _, _, quantity, price in _GOODS), Decimal(0))
    vat = (net * _VAT).quantize(Decimal("0.01"))
    rows = (("Net total", net, _BODY), ("VAT 20%", vat, _BODY), ("Total due", net + vat, _BOLD))
    with sheet.region("table"):
        for number, (name, amount, style) in enumerate(rows):
            baseline = top + 22 + number * 18
            sheet.text(_COLUMNS[3] + 6, baseline, name, style)
            sheet.text(_RIGHT - 6, baseline, f"£{_money(amount)}", style, "r")
        sheet.rule([(_COLUMNS[3], top + 44), (_RIGHT, top + 44)], 0.8)
        sheet.rule([(_COLUMNS[3], top + 64), (_RIGHT, top + 64)], 1.2)
    return top + 64


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
