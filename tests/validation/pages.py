"""Pages built for the tests: lines and regions where a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from hybrid_ocr.contracts.errors import ErrorCode, ErrorInfo
from hybrid_ocr.contracts.messages import FailedPage, Label, PageRegions, PageText, RecognisedLine, Region
from hybrid_ocr.contracts.result import DocumentParts, PageParts, PageRecord

WIDTH, HEIGHT = 1600, 2200
PROSE = "sphinx of black quartz judge my vow and liquor jugs"


def line(
    text: str,
    x: float,
    y: float,
    width: float = 500,
    height: float = 30,
    *,
    confidence: float = 0.98,
    name: str = "",
) -> RecognisedLine:
    return RecognisedLine(
        id=name or f"l{abs(hash((text, x, y))) % 10**9}",
        polygon=((x, y), (x + width, y), (x + width, y + height), (x, y + height)),
        score=0.9,
        text=text,
        confidence=confidence,
    )


def column(
    prefix: str, x: float, y: float, rows: int, width: float = 500, *, pitch: float = 40
) -> list[RecognisedLine]:
    """Justified prose; the texts are PREFIX0, PREFIX1, ... followed by words."""
    return [line(f"{prefix}{n} {PROSE}", x, y + n * pitch, width) for n in range(rows)]


def region(
    label: Label,
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    name: str = "r1",
    score: float = 0.9,
):
    return Region(id=name, label=label, bbox=(left, top, right, bottom), score=score)


def page(
    lines: Sequence[RecognisedLine] = (),
    regions: Sequence[Region] = (),
    number: int = 1,
    size=(WIDTH, HEIGHT),
) -> PageParts:
    width, height = size
    return PageParts(
        page=PageRecord(number=number, width=width, height=height),
        regions=PageRegions(number=number, width=width, height=height, regions=tuple(regions)),
        text=PageText(number=number, width=width, height=height, lines=tuple(lines)),
    )


def failed(number: int, stage="rotation", code: ErrorCode = ErrorCode.TRUNCATED_IMAGE) -> FailedPage:
    return FailedPage(
        number=number,
        stage=stage,
        error=ErrorInfo(code=code, message="the image ends early", retryable=False),
    )


def document(
    *pages: PageParts, expected: int | None = None, error: ErrorInfo | None = None, source: str = "a.pdf"
):
    return DocumentParts(
        job_id="job-1",
        source=source,
        expected_pages=len(pages) if expected is None else expected,
        pages=pages,
        error=error,
    )


def picture(width: int = WIDTH, height: int = HEIGHT, encoding: str = "jpeg", mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, (width, height), 240 if mode in {"L", "I;16"} else "white").save(buffer, encoding)
    return buffer.getvalue()
