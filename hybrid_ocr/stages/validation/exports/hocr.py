"""result.hocr: pages, areas, paragraphs, lines and words with their boxes, as XHTML.

Follows hOCR 1.2 (http://kba.github.io/hocr-spec/1.2/). Word boxes are interpolated within their line, and a
word has the confidence of its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from hybrid_ocr.contracts.geometry import Quad
from hybrid_ocr.contracts.result import DocumentResult, ResultLine, ResultPage
from hybrid_ocr.stages.validation.blocks import Block, blocks_of
from hybrid_ocr.stages.validation.exports.words import Word, words_of
from hybrid_ocr.stages.validation.text import printable

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
<title>{title}</title>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8"/>
<meta name="ocr-system" content="hybrid-ocr"/>
<meta name="ocr-number-of-pages" content="{pages}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf ocrp_poly"/>
</head>
<body>
"""


def write_hocr(result: DocumentResult, dpi: Mapping[int, float] | None = None) -> Iterator[str]:
    """The document as hOCR, in pieces; a failed page is there without content.

    Args:
        result: the document.
        dpi: resolution of pages by number, where known.
    """
    yield _HEAD.format(title=_text(result.document_name), pages=len(result.pages))
    for page in result.pages:
        yield from _page(page, result.document_name, (dpi or {}).get(page.number))
    yield "</body>\n</html>\n"


def _page(page: ResultPage, document: str, dpi: float | None) -> Iterator[str]:
    name = f"p{page.number}"
    width, height = page.width or 0, page.height or 0
    image = document.replace('"', "'").replace("\\", "/").replace(";", ",")
    title = f'image "{image}"; bbox 0 0 {width} {height}; ppageno {page.number - 1}'
    if dpi:
        title += f"; scan_res {dpi:.0f} {dpi:.0f}"
    yield f'<div class="ocr_page" id="{name}" title={quoteattr(title)}>\n'
    for n, block in enumerate(blocks_of(page), 1):
        yield from _block(block, f"{name}_b{n}", page)
    yield "</div>\n"


def _block(block: Block, name: str, page: ResultPage) -> Iterator[str]:
    lines = [line for row in block.rows for line in row.lines]
    box = _box((line.polygon for line in lines), page)
    yield f'<div class="ocr_carea" id="{name}" title="bbox {box}">\n'
    yield f'<p class="ocr_par" id="{name}_par" title="bbox {box}">\n'
    for line in lines:
        yield _line(line, f"p{page.number}_{line.id}", page)
    yield "</p>\n</div>\n"


def _line(line: ResultLine, name: str, page: ResultPage) -> str:
    corners = " ".join(f"{round(x)} {round(y)}" for x, y in _inside(line.polygon, page))
    title = f"bbox {_box([line.polygon], page)}; poly {corners}; x_confs {100 * line.confidence:.0f}"
    words = " ".join(
        _word(word, f"{name}_w{n}", line.confidence, page)
        for n, word in enumerate(words_of(line.text, line.polygon), 1)
    )
    return f'<span class="ocr_line" id="{name}" title="{title}">{words}</span>\n'


def _word(word: Word, name: str, confidence: float, page: ResultPage) -> str:
    title = f"bbox {_box([word.polygon], page)}; x_wconf {100 * confidence:.0f}"
    return f'<span class="ocrx_word" id="{name}" title="{title}">{_text(word.text)}</span>'


def _box(quads: Iterable[Quad], page: ResultPage) -> str:
    points = [point for quad in quads for point in _inside(quad, page)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return f"{round(min(xs))} {round(min(ys))} {round(max(xs))} {round(max(ys))}"


def _inside(quad: Quad, page: ResultPage) -> list[tuple[float, float]]:
    """Corners within the page: hOCR has no negative coordinates."""
    width, height = page.width or 0, page.height or 0
    return [(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in quad]


def _text(text: str) -> str:
    return escape(printable(text))
