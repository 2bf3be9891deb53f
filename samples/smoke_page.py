"""Draw the page of `hybrid-ocr smoke`: `python -m samples.smoke_page`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from hybrid_ocr.smoke import LINES
from samples.drawing.sheet import Sheet, Style

FILE: Final = Path(__file__).resolve().parents[1] / "hybrid_ocr" / "smoke_page.png"
_WIDTH, _HEIGHT, _DPI = 300.0, 190.0, 150.0
_LEFT, _FIRST, _LEADING = 30.0, 48.0, 32.0
_STYLE: Final = Style("serif", 15.0)


def draw() -> bytes:
    """The page as PNG: one line below the other, black on white, sixteen greys."""
    sheet = Sheet(_WIDTH, _HEIGHT, _DPI)
    with sheet.region("text"):
        for number, line in enumerate(LINES):
            sheet.text(_LEFT, _FIRST + number * _LEADING, line, _STYLE)
    buffer = io.BytesIO()
    grey = sheet.image.convert("L").quantize(16)
    grey.save(buffer, "PNG", bits=4, optimize=True, dpi=(_DPI, _DPI))
    return buffer.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(draw())
