"""PDF pages drawn by pdfium."""

from __future__ import annotations

import ctypes
import io
import math
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from ocr_core.contracts.errors import DocumentError, ErrorCode
from ocr_core.opening import pixels
from ocr_core.opening.formats import Bytes, is_whole_jpeg
from ocr_core.opening.limits import LONGEST_SIDE, OpeningLimits
from ocr_core.opening.raster import Rendered

_POINTS: Final = 72.0
_SCAN_COVERS: Final = 0.5
"""Share of the page from which an image sets the resolution: the page is a scan."""
_FINEST_SCAN: Final = 1.5
_COARSEST_SCAN: Final = 0.5
_OBJECTS: Final = 1000
"""Page objects looked at for images. A scan has a handful; a drawing may have a million."""


class PdfDocument:
    """A PDF, held open."""

    def __init__(self, data: Bytes, limits: OpeningLimits) -> None:
        self._limits = limits
        self._bytes = np.frombuffer(data, np.uint8)  # type: ignore[call-overload]
        handle = pdfium.FPDF_LoadMemDocument64(
            ctypes.c_void_p(self._bytes.ctypes.data), ctypes.c_size_t(len(data)), None
        )
        if not handle:
            raise _refusal(pdfium.FPDF_GetLastError())
        self._document = pypdfium2.PdfDocument(handle)
        self._document.init_forms()
        self.page_count: int = len(self._document)

    def render(self, index: int) -> Rendered:
        """Draw page `index`, from 0, with its annotations and form fields.

        Raises:
            DocumentError: CORRUPT_DOCUMENT, or TRUNCATED_IMAGE where an image on the page ends too early.
        """
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            raise DocumentError("the page cannot be parsed") from None
        try:
            for image in _images(page):
                _refuse_truncated(image)
            width, height, dpi = self._size(page)
            canvas = _draw(page, width, height)
        finally:
            page.close()
        return Rendered(pixels.without_needless_colour(canvas), dpi)

    def close(self) -> None:
        """Let go of the document and its bytes."""
        self._document.close()
        del self._bytes

    def _size(self, page: pypdfium2.PdfPage) -> tuple[int, int, float]:
        """Pixels of the page and their resolution, lowered until the page is within the limits."""
        width, height = (
            page.get_size()
        )  # points, after rotation and crop box; never empty: pdfium puts Letter instead
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise DocumentError("the page has no size")
        most = min(
            math.sqrt(self._limits.page_pixels / (width * height)),
            LONGEST_SIDE / width,
            LONGEST_SIDE / height,
        )
        scale = min(_resolution(page, width * height, self._limits.dpi) / _POINTS, most)
        # Rounded to whole pixels of a scan; rounding up may go past the limit by a row.
        columns, rows = max(round(width * scale), 1), max(round(height * scale), 1)
        if columns * rows > self._limits.page_pixels:
            columns, rows = max(int(width * scale), 1), max(int(height * scale), 1)
        return columns, rows, scale * _POINTS


def _resolution(page: pypdfium2.PdfPage, area: float, default: float) -> float:
    """Dots per inch to draw a page at.

    A scan is drawn pixel for pixel: pdfium then copies instead of resampling, which is sharper and about twice as
    fast, and masks, text on top, colour spaces and rotation are still its business. A scan that is much finer than
    needed is reduced by a whole number.
    """
    finest = 0.0
    for image in _images(page, depth=1):
        across, down = image.get_px_size()
        matrix = image.get_matrix()
        width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
        if width * height >= _SCAN_COVERS * area:
            finest = max(finest, across / width * _POINTS, down / height * _POINTS)
    if finest < _COARSEST_SCAN * default:
        return default
    return finest / math.ceil(finest / (_FINEST_SCAN * default) - 0.02)


def _images(page: pypdfium2.PdfPage, depth: int = 3) -> Iterator[pypdfium2.PdfImage]:
    seen = 0
    for item in page.get_objects(max_depth=depth):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield item
        seen += 1
        if seen == _OBJECTS:
            return


def _draw(page: pypdfium2.PdfPage, width: int, height: int) -> pixels.Pixels:
    """(height, width, 3) blue, green, red, on white."""
    canvas = np.full((height, width, 3), 255, np.uint8)
    bitmap = pdfium.FPDFBitmap_CreateEx(
        width, height, pdfium.FPDFBitmap_BGR, ctypes.c_void_p(canvas.ctypes.data), width * 3
    )
    if not bitmap:
        raise MemoryError
    try:
        place = (0, 0, width, height, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, *place)
        if page.formenv:
            pdfium.FPDF_FFLDraw(page.formenv, bitmap, page, *place)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return canvas


def _refuse_truncated(image: pypdfium2.PdfImage) -> None:
    """pdfium draws what there is of an image and fills the rest; a JPEG or deflate stream tells that it was cut.

    CCITT and JBIG2 streams do not say where they should end.
    """
    filters = image.get_filters()
    if filters == ["DCTDecode"]:
        data = bytes(image.get_data())
        whole = is_whole_jpeg(data) or _decodes(data)
    elif filters == ["FlateDecode"]:
        whole = _inflates(image)
    else:
        return
    if not whole:
        raise DocumentError("an image on the page ends before its last pixel", code=ErrorCode.TRUNCATED_IMAGE)


def _decodes(jpeg: bytes) -> bool:
    """Some writers cut the end-of-image marker off. That alone loses no pixel: Pillow notices where one is lost."""
    try:
        Image.open(io.BytesIO(jpeg), formats=["JPEG"]).load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _inflates(image: pypdfium2.PdfImage) -> bool:
    """False where a deflate stream ends early and holds fewer bytes than the image has."""
    stream = zlib.decompressobj()
    pending = bytes(image.get_data())
    length = 0
    try:
        while pending and not stream.eof:
            length += len(stream.decompress(pending, 1 << 20))
            pending = stream.unconsumed_tail
    except zlib.error:
        pass
    if stream.eof:
        return True
    columns, rows = image.get_px_size()
    return length >= rows * -(-columns * image.get_metadata().bits_per_pixel // 8)


def _refusal(reason: int) -> DocumentError:
    if reason in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
        return DocumentError("the PDF asks for a password", code=ErrorCode.ENCRYPTED_DOCUMENT)
    return DocumentError("the PDF cannot be parsed")
