"""Any Pillow image as the pixels of a page: uint8, grey or blue-green-red, on white, upright by its EXIF."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

_PLAUSIBLE_DPI: Final = (50.0, 2400.0)
_SQUARE_WITHIN: Final = 1.02
_LONGEST_PIXEL: Final = 4.0
"""Ratio of x to y resolution beyond which the numbers are noise. Fax has 204 x 98 to 204 x 391 (T.4)."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (CIPA DC-008, tag 0112H) to what undoes it."""


def plausible_dpi(x: Any, y: Any) -> tuple[float, float] | None:  # noqa: ANN401 - a file may hold anything
    """Resolution in x and y as a file states it, or None where it cannot be true."""
    try:
        horizontal, vertical = float(x), float(y)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    least, most = _PLAUSIBLE_DPI
    if not (least <= horizontal <= most and least <= vertical <= most):
        return None
    if max(horizontal, vertical) > _LONGEST_PIXEL * min(horizontal, vertical):
        return None
    return horizontal, vertical


def square_size(size: tuple[int, int], dpi: tuple[float, float] | None) -> tuple[int, int]:
    """Width and height after the coarser axis has been brought to the resolution of the finer one."""
    if dpi is None or max(dpi) <= _SQUARE_WITHIN * min(dpi):
        return size
    return round(size[0] * max(dpi) / dpi[0]), round(size[1] * max(dpi) / dpi[1])


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as its EXIF orientation, 1 to 8, wants it seen."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def on_paper(image: Image.Image, *, bits: int = 16, min_is_white: bool = False) -> Image.Image:
    """An image of mode L or RGB: colours made plain, transparency laid on white, deep samples cut to 8 bits.

    Args:
        image: of any mode Pillow reads.
        bits: significant bits of a 16-bit sample (12 in some scans).
        min_is_white: deep grey samples count ink, not light (TIFF, photometric interpretation 0).
    """
    if image.mode in {"L", "RGB"} and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        grey = np.minimum(np.asarray(image) >> max(bits - 8, 0), 255).astype(np.uint8)
        return Image.fromarray(~grey if min_is_white else grey)
    if image.mode in {"I", "F"}:
        return _stretched(image)
    if image.mode == "LAB":
        return image.getchannel(0)  # lightness is what reading needs
    if image.has_transparency_data:
        if image.mode in {"La", "RGBa"}:
            image = image.convert("LA" if image.mode == "La" else "RGBA")
        layer = image if image.mode in {"LA", "RGBA"} else image.convert("RGBA")
        paper = Image.new("L" if layer.mode == "LA" else "RGB", layer.size, "white")
        paper.paste(layer.convert(paper.mode), mask=layer.getchannel("A"))
        return paper
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGB")


def as_array(image: Image.Image) -> Pixels:
    """The pixels of an L or RGB image: (H, W), or (H, W, 3) blue, green, red."""
    if image.mode == "L":
        return np.asarray(image)
    data = image.tobytes("raw", "BGR")  # Pillow swaps while packing, four times faster than a strided copy
    return np.frombuffer(data, np.uint8).reshape(image.height, image.width, 3)


def without_needless_colour(image: Pixels) -> Pixels:
    """A (H, W, 3) image as (H, W) where its three channels are equal, else as it is."""
    if image.ndim == 2:
        return image
    blue, green, red = image[..., 0], image[..., 1], image[..., 2]
    if np.array_equal(blue, green) and np.array_equal(green, red):
        return np.ascontiguousarray(blue)
    return image


def _stretched(image: Image.Image) -> Image.Image:
    """32-bit and float samples have no agreed white: their own range becomes 0..255, a flat image white."""
    samples = np.array(image, np.float32)  # worked on in place: a page may be 200 MB here
    np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0)
    low, high = float(samples.min()), float(samples.max())
    if high <= low:
        return Image.new("L", image.size, "white")
    samples -= low
    samples *= 255.0 / (high - low)
    samples += 0.5
    return Image.fromarray(samples.astype(np.uint8))
