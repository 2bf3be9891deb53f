"""TIFF, PNG, JPEG and WebP files as pages, by Pillow."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from hybrid_ocr.contracts.errors import DocumentError, ErrorCode
from hybrid_ocr.opening import formats, jpeg, pixels, tiff
from hybrid_ocr.opening.document import DocumentFormat
from hybrid_ocr.opening.limits import LONGEST_SIDE, OpeningLimits

_ORIENTATION: Final = 0x0112
_PILLOW_NAME: Final = {
    "tiff": TiffImagePlugin.TiffImageFile.format,
    "jpeg": JpegImagePlugin.JpegImageFile.format,
    "png": PngImagePlugin.PngImageFile.format,
    "webp": WebPImagePlugin.WebPImageFile.format,
}
"""Named by their classes, because importing a plugin is what makes Pillow know its format."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """A page's pixels; see `RawPage`."""

    image: NDArray[np.uint8]
    dpi: float | None
    is_original: bool = False


class RasterDocument:
    """An image file, held open. One page, or one for each frame of a TIFF.

    A phone's JPEG may hold a second picture (a preview, a gain map): the first is the page.
    """

    def __init__(self, file: BinaryIO, data: jpeg.Bytes, name: DocumentFormat, limits: OpeningLimits) -> None:
        # Pillow's own guard warns at this many pixels; as an error the header alone decides.
        Image.MAX_IMAGE_PIXELS = limits.page_pixels
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        self._limits = limits
        self._data = data
        self._name = name
        self._frames = tiff.directories(data, limits.pages) if name == "tiff" else [0]
        self._file = file
        self._tiff: Image.Image | None = None  # kept, because it knows where the frames are
        self.page_count = len(self._frames)

    def render(self, index: int) -> Rendered:
        """Decode page `index`, from 0.

        Raises:
            DocumentError: PAGE_TOO_LARGE before a pixel is decoded, TRUNCATED_IMAGE, CORRUPT_DOCUMENT.
        """
        image = self._frame(index)
        if not self._is_whole(image):
            raise _truncated()
        orientation = image.getexif().get(_ORIENTATION, 1)
        dpi = pixels.plausible_dpi(*image.info.get("dpi", (None, None)))
        bits, min_is_white = _depth(image)
        image.load()
        if self._name == "jpeg" and jpeg.is_filled(self._data, image):
            raise _truncated()
        page = pixels.on_paper(image, bits=bits, min_is_white=min_is_white)
        if not isinstance(
            image, TiffImagePlugin.TiffImageFile
        ):  # Pillow turns a TIFF upright while it loads it
            page = pixels.upright(page, orientation)
        if dpi and orientation in {5, 6, 7, 8}:
            dpi = dpi[1], dpi[0]
        size = pixels.square_size(page.size, dpi)
        self._check_size(size)
        if size != page.size:
            page = page.resize(size, Image.Resampling.BICUBIC)
        return Rendered(
            pixels.as_array(page),
            max(dpi) if dpi else None,
            is_original=image.format == "JPEG" and page is image,
        )

    def close(self) -> None:
        """Let go of the file."""
        self._tiff = None
        self._file.close()

    def _frame(self, index: int) -> Image.Image:
        if self._name == "tiff":
            if not tiff.lies_within(self._data, self._frames[index]):
                raise _truncated()
            image = self._tiff = self._tiff or self._opened()
            image.seek(index)
        else:
            image = self._opened()
        self._check_size(image.size)
        return image

    def _opened(self) -> Image.Image:
        self._file.seek(0)
        return Image.open(self._file, formats=[_PILLOW_NAME[self._name]])

    def _is_whole(self, image: Image.Image) -> bool:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            return tiff.is_whole_frame(self._data, image.tag_v2)
        return formats.is_whole(self._data, self._name)

    def _check_size(self, size: tuple[int, int]) -> None:
        width, height = size
        if width * height > self._limits.page_pixels or max(size) > LONGEST_SIDE:
            raise DocumentError(
                f"{width} x {height} px; the limit is {self._limits.page_pixels} px, {LONGEST_SIDE} a side",
                code=ErrorCode.PAGE_TOO_LARGE,
            )


def _depth(image: Image.Image) -> tuple[int, bool]:
    """Significant bits of a sample, and whether zero is white."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 16, False
    bits = image.tag_v2.get(tiff.BITS_PER_SAMPLE, (16,))[0]
    return bits, image.tag_v2.get(tiff.PHOTOMETRIC) == tiff.MIN_IS_WHITE


def _truncated() -> DocumentError:
    return DocumentError("the image ends before its last pixel", code=ErrorCode.TRUNCATED_IMAGE)
