"""PDF pages drawn by pdfium."""

from __future__ import annotations

import ctypes
import itertools
import math
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.opening import jpeg, pixels
from hybrid_ocr.opening.jpeg import Bytes
from hybrid_ocr.opening.limits import LONGEST_SIDE, OpeningLimits
from hybrid_ocr.opening.raster import Rendered

_POINTS: Final = 72.0
_SCAN_COVERS: Final = 0.5
"""Share of the page from which an image sets the resolution: the page is a scan."""
_FINEST_SCAN: Final = 1.5
_COARSEST_SCAN: Final = 0.5
_ROUNDING: Final = 0.02
_IMAGE_TO_PAGE: Final = 8
"""An image on a page may have this many times the pixels of a page: large sheets are scanned
in bilevel at 600 dpi. More is a bomb: a few bytes of deflate stand for any number of pixels."""
_NOTABLE_SHARE: Final = 1e-4
_OBJECTS: Final = 1000
"""Page objects searched for images. A scan has a handful; a drawing may have a million."""


class PdfDocument:
    """A PDF, held open."""

    def __init__(self, data: Bytes, limits: OpeningLimits) -> None:
        self._limits = limits
        self._bytes = np.frombuffer(data, np.uint8)  # type: ignore[call-overload]  # an mmap is a buffer
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
            DocumentError: CORRUPT_DOCUMENT; PAGE_TOO_LARGE for an image that is a bomb; TRUNCATED_IMAGE where
                an image on the page ends too early.
        """
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError:
            raise DocumentError("the page cannot be parsed") from None
        try:
            for image in _images(page):
                self._refuse_bomb(image)
                if not _has_its_data(image):
                    raise _truncated()
            width, height, dpi = self._size(page)
            canvas = _draw(page, width, height)
            if _has_filling(canvas) and not all(map(_decodes_whole, _images(page))):
                raise _truncated()
        finally:
            page.close()
        return Rendered(canvas, dpi)

    def close(self) -> None:
        """Let go of the document and its bytes."""
        self._document.close()
        del self._bytes

    def _refuse_bomb(self, image: pypdfium2.PdfImage) -> None:
        across, down = image.get_px_size()
        if across * down > _IMAGE_TO_PAGE * self._limits.page_pixels:
            raise DocumentError(f"holds an image of {across} x {down} px", code=ErrorCode.PAGE_TOO_LARGE)

    def _size(self, page: pypdfium2.PdfPage) -> tuple[int, int, float]:
        """Pixels of the page and their resolution, lowered until the page is within the limits."""
        # Points, after rotation and crop box. pdfium takes Letter in the place of an empty box.
        width, height = page.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise DocumentError("the page has no size")
        largest = min(
            math.sqrt(self._limits.page_pixels / (width * height)),
            LONGEST_SIDE / width,
            LONGEST_SIDE / height,
        )
        scale = min(self._resolution(page, width * height, largest * _POINTS) / _POINTS, largest)
        columns, rows = max(round(width * scale), 1), max(round(height * scale), 1)
        if columns * rows > self._limits.page_pixels:  # by rounding up
            columns, rows = max(math.floor(width * scale), 1), max(math.floor(height * scale), 1)
        return columns, rows, scale * _POINTS

    def _resolution(self, page: pypdfium2.PdfPage, area: float, largest: float) -> float:
        """Dots an inch to draw a page at.

        A scan is drawn pixel for pixel: pdfium then copies instead of resampling, which is sharper and up to
        twice as fast, while masks, colour spaces, rotation and text on top remain its business. A scan much
        finer than needed, or too large, is reduced by a whole number.
        """
        finest = 0.0
        for image in _images(page, depth=1):
            across, down = image.get_px_size()
            matrix = image.get_matrix()
            width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
            if width * height >= _SCAN_COVERS * area:
                finest = max(finest, across / width * _POINTS, down / height * _POINTS)
        if finest < _COARSEST_SCAN * self._limits.dpi:
            return self._limits.dpi
        most = min(_FINEST_SCAN * self._limits.dpi, largest)
        return finest / max(math.ceil(finest / most - _ROUNDING), 1)


def _images(page: pypdfium2.PdfPage, depth: int = 3) -> Iterator[pypdfium2.PdfImage]:
    for item in itertools.islice(page.get_objects(max_depth=depth), _OBJECTS):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield item


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


def _has_its_data(image: pypdfium2.PdfImage) -> bool:
    """False where the data of an image ends too early: pdfium draws what there is and fills the rest.

    JPEG and deflate tell; CCITT and JBIG2 do not say where they should end.
    """
    filters = image.get_filters()
    if filters == ["FlateDecode"]:
        return _inflates(image)
    if filters == ["DCTDecode"]:
        data = bytes(image.get_data())
        return jpeg.has_end(data) or jpeg.decodes_whole(data)
    return True


def _inflates(image: pypdfium2.PdfImage) -> bool:
    """False where a deflate stream has no end and holds fewer bytes than the image has."""
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
    across, down = image.get_px_size()
    bits: int = image.get_metadata().bits_per_pixel
    return length >= int(down) * -(-int(across) * bits // 8)


def _has_filling(canvas: pixels.Pixels) -> bool:
    """True where flat areas have the grey that fills a JPEG cut short: its data then needs a second look."""
    step, grey = 4, 128
    rows, columns = np.nonzero(canvas[:-step:step, :-step:step, 0] == grey)
    if rows.size < _NOTABLE_SHARE * canvas.size / 3 / step**2:
        return False
    corners = [canvas[rows * step + y, columns * step + x] for y in (0, step - 1) for x in (0, step - 1)]
    flat = (np.stack(corners) == grey).all(axis=(0, 2))
    return bool(flat.sum() >= _NOTABLE_SHARE * canvas.size / 3 / step**2)


def _decodes_whole(image: pypdfium2.PdfImage) -> bool:
    return image.get_filters() != ["DCTDecode"] or jpeg.decodes_whole(bytes(image.get_data()))


def _refusal(reason: int) -> DocumentError:
    if reason in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
        return DocumentError("the PDF asks for a password", code=ErrorCode.ENCRYPTED_DOCUMENT)
    return DocumentError("the PDF cannot be parsed")


def _truncated() -> DocumentError:
    return DocumentError("an image on the page ends before its last pixel", code=ErrorCode.TRUNCATED_IMAGE)
