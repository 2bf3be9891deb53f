"""result.pdf: the upright image of each page with its text over it, invisible, to search and select.

JPEG bytes go in as they are, and so do the compressed rows of a plain PNG; no picture loses quality here.
One page is held in memory at a time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from math import hypot
from typing import BinaryIO

from PIL import Image

from hybrid_ocr.contracts.result import DocumentResult, ResultPage
from hybrid_ocr.stages.validation.exports.glyphless import ADVANCE, DESCENT, GlyphlessFont
from hybrid_ocr.stages.validation.exports.images import EncodedImage, PageImages, decoding, open_image, plain
from hybrid_ocr.stages.validation.exports.pdf_file import PdfFile
from hybrid_ocr.stages.validation.exports.words import Word, words_of

DEFAULT_DPI = 200.0
LARGEST = 14_400.0
"""Points of a page's side that viewers accept (ISO 32000-1, annex C)."""
A4 = (595.0, 842.0)
"""Points. A page that was never opened stays in the file, empty and this large, so that page numbers hold."""


def write_pdf(
    result: DocumentResult, page_image: PageImages, sink: BinaryIO, dpi: Mapping[int, float] | None = None
) -> None:
    """Write a searchable PDF.

    Args:
        result: the document.
        page_image: the upright image of a page.
        sink: where the file goes; written front to back.
        dpi: resolution of pages by number; 200 where it is not known.
    """
    file, font = PdfFile(sink), GlyphlessFont()
    tree, font_at = file.reserve(), file.reserve()
    pages = []
    for page in result.pages:
        image = page_image(page.number) if page.width else None
        scale = _scale(page, (dpi or {}).get(page.number) or DEFAULT_DPI)
        width, height = ((page.width or 0) * scale, (page.height or 0) * scale) if page.width else A4
        content = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /I Do Q\n" if image else ""
        content += "".join(_text(page, scale, height, font))
        objects = f"/XObject << /I {_add_image(file, image)} 0 R >> " if image else ""
        content_at = file.add_stream(content.encode("ascii"))
        pages.append(
            file.add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] "
                f"/Resources << {objects}/Font << /F {font_at} 0 R >> >> /Contents {content_at} 0 R >>"
            )
        )
    font.write(file, font_at)
    kids = " ".join(f"{page} 0 R" for page in pages)
    file.add(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>", tree)
    info = file.add(f"<< /Title {_text_string(result.document_name)} /Creator (hybrid-ocr) >>")
    shown = "/ViewerPreferences << /DisplayDocTitle true >>"
    file.finish(file.add(f"<< /Type /Catalog /Pages {tree} 0 R {shown} >>"), info)


def _text_string(text: str) -> str:
    """Text as PDF metadata holds it: UTF-16 with a byte order mark, in hexadecimal (ISO 32000-1, 7.9.2.2)."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


def _scale(page: ResultPage, dpi: float) -> float:
    """Points a pixel."""
    longest = max(page.width or 1, page.height or 1)
    return min(72.0 / dpi, LARGEST / longest)


def _text(page: ResultPage, scale: float, height: float, font: GlyphlessFont) -> Iterator[str]:
    yield "BT 3 Tr /F 1 Tf\n"
    for line in page.lines:
        for word in words_of(line.text, line.polygon):
            # The space ends a word for programs that look at the text alone; the next word is placed anew.
            yield f"{_matrix(word, scale, height)} Tm <{font.encode(word.text + ' ')}> Tj\n"
    yield "ET\n"


def _matrix(word: Word, scale: float, height: float) -> str:
    """Text matrix that lays a word of the glyphless font into its quad; y points up in a PDF."""
    (left, top), _, (right, end), (x, y) = word.polygon
    along, tall = hypot(right - x, end - y), max(hypot(left - x, top - y), 0.1)
    stretch = scale * max(along, 0.1) / (len(word.text) * ADVANCE)
    cosine, sine = ((right - x) / along, (end - y) / along) if along > 0 else (1.0, 0.0)
    size = scale * tall
    # Up is a quarter turn from along; the baseline is as far above the lower edge as the font descends.
    rise = -DESCENT * size
    e = x * scale + rise * sine
    f = height - y * scale + rise * cosine
    values = (stretch * cosine, -stretch * sine, size * sine, size * cosine, e, f)
    return " ".join(f"{value:.3f}" for value in values)


def _add_image(file: PdfFile, image: EncodedImage) -> int:
    data, encoding = image
    opened = open_image(data)
    entries = f"/Type /XObject /Subtype /Image /Width {opened.width} /Height {opened.height} "
    if encoding == "jpeg" and opened.mode in {"L", "RGB"}:
        return file.add_stream(
            data, f"{entries}{_colour(opened.mode)} /BitsPerComponent 8 /Filter /DCTDecode", compress=False
        )
    if encoding == "png" and (rows := _png_rows(data)):
        packed, colours, bits = rows
        predictor = f"<< /Predictor 15 /Colors {colours} /BitsPerComponent {bits} /Columns {opened.width} >>"
        space = _colour("L" if colours == 1 else "RGB")
        filters = f"/BitsPerComponent {bits} /Filter /FlateDecode /DecodeParms {predictor}"
        return file.add_stream(packed, f"{entries}{space} {filters}", compress=False)
    return _add_pixels(file, opened, entries)


def _add_pixels(file: PdfFile, opened: Image.Image, entries: str) -> int:
    with decoding():
        pixels = plain(opened)
    packed = zlib.compress(pixels.tobytes(), 6)
    filters = "/BitsPerComponent 8 /Filter /FlateDecode"
    return file.add_stream(packed, f"{entries}{_colour(pixels.mode)} {filters}", compress=False)


def _colour(mode: str) -> str:
    return "/ColorSpace /DeviceGray" if mode == "L" else "/ColorSpace /DeviceRGB"


def _png_rows(data: bytes) -> tuple[bytes, int, int] | None:
    """Compressed rows, colours and bits of a PNG that a PDF can hold as it is; None for any other.

    A PDF reads a PNG's rows where they are grey or RGB, up to 8 bits, not interlaced and not transparent.
    """
    bits, colour_type, _, _, interlaced = struct.unpack(">5B", data[24:29])
    if colour_type not in {0, 2} or bits > 8 or interlaced:
        return None
    rows, at = [], 8
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"tRNS":
            return None
        if kind == b"IDAT":
            rows.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return b"".join(rows), 1 if colour_type == 0 else 3, bits
