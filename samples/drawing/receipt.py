"""A till receipt on thermal paper."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from samples.drawing.sheet import Sheet, Style

WIDTH, HEIGHT, DPI = 226.0, 484.0, 200.0
"""80 mm paper."""
_LEFT, _RIGHT = 16.0, 210.0
_GREY = (58, 58, 66)

_BODY: Final = Style("mono", 8.2, 12.4, _GREY)
_LARGE: Final = Style("mono", 13.0, 18.0, _GREY)
_SHOP: Final = Style("sans-bold", 15.0, 18.0, _GREY)

_GOODS: Final = (
    ("EARL GREY TEA 250G", 2, Decimal("4.75")),
    ("WHOLEMEAL LOAF", 1, Decimal("2.30")),
    ("SALTED BUTTER 200G", 1, Decimal("2.85")),
    ("CHEDDAR MATURE", 1, Decimal("6.42")),
    ("BRAEBURN APPLES KG", 3, Decimal("1.95")),
    ("GINGER BISCUITS", 2, Decimal("1.60")),
    ("MARMALADE 454G", 1, Decimal("3.25")),
    ("CANDLES WHITE X6", 1, Decimal("5.99")),
)


def draw() -> list[Sheet]:
    """The one page of the receipt."""
    sheet = Sheet(WIDTH, HEIGHT, DPI)
    middle = WIDTH / 2
    with sheet.region("header"):
        sheet.text(middle, 44, "PICKWICK & SONS", _SHOP, "m")
        address = ("GROCERS", "27 HIGH STREET, ROCHESTER", "TEL 01634 496 0123", "VAT REG 987 6543 21")
        for number, line in enumerate(address):
            sheet.text(middle, 62 + number * 12, line, _BODY, "m")
    with sheet.region("text"):
        _rule(sheet, 108)
        _pair(sheet, 122, "14/05/2024 17:42", "TILL 03")
        _pair(sheet, 134.4, "RECEIPT 0088213", "CASHIER SAM W")
        _rule(sheet, 142)
    with sheet.region("table"):
        y = 158.0
        for name, quantity, price in _GOODS:
            sheet.text(_LEFT, y, name, _BODY)
            sheet.text(_RIGHT, y, f"{price * quantity:.2f}", _BODY, "r")
            y += _BODY.leading
            if quantity > 1:
                sheet.text(_LEFT + 14, y, f"{quantity} @ {price:.2f}", _BODY)
                y += _BODY.leading
    y = _payment(sheet, y)
    with sheet.region("text"):
        sheet.text(middle, y + 26, "THANK YOU FOR YOUR CUSTOM", _BODY, "m")
        sheet.text(middle, y + 39, "GOODS EXCHANGED WITHIN 28 DAYS", _BODY, "m")
    _barcode(sheet, y + 52)
    return [sheet]


def _payment(sheet: Sheet, y: float) -> float:
    total = sum((price * quantity for _, quantity, price in _GOODS), Decimal(0))
    tendered = Decimal("50.00")
    with sheet.region("text"):
        _rule(sheet, y - 4)
        _pair(sheet, y + 10, "SUBTOTAL", f"{total:.2f}")
        sheet.text(_LEFT, y + 29, "TOTAL", _LARGE)
        sheet.text(_RIGHT, y + 29, f"£{total:.2f}", _LARGE, "r")
        _pair(sheet, y + 45, "CASH", f"{tendered:.2f}")
        _pair(sheet, y + 57.4, "CHANGE", f"{tendered - total:.2f}")
        _rule(sheet, y + 65)
    return y + 65


def _pair(sheet: Sheet, y: float, left: str, right: str) -> None:
    sheet.text(_LEFT, y, left, _BODY)
    sheet.text(_RIGHT, y, right, _BODY, "r")


def _rule(sheet: Sheet, y: float) -> None:
    """A dashed rule, as tills print it."""
    for x in np.arange(_LEFT, _RIGHT - 2, 4.85):
        sheet.rule([(float(x), y), (float(x) + 2.6, y)], 0.6, 70)


def _barcode(sheet: Sheet, top: float) -> None:
    """Bars that look like a barcode; they encode nothing."""
    widths = np.random.default_rng(417).integers(1, 4, 46) * 0.95
    x = (WIDTH - float(widths.sum())) / 2
    with sheet.region("figure"):
        for number, width in enumerate(widths):
            if number % 2 == 0:
                sheet.fill((x, top, x + float(width), top + 34), _GREY)
            x += float(width)
        sheet.text(WIDTH / 2, top + 46, "0088213 14052024", _BODY, "m")
