"""Encoded images to arrays and back. Sizes are read from headers before any pixel exists."""

from hybrid_ocr.images.codec import MAX_PIXELS, decode_image, decode_page, encode_image
from hybrid_ocr.images.header import Encoding, ImageHeader, read_header

__all__ = [
    "MAX_PIXELS",
    "Encoding",
    "ImageHeader",
    "decode_image",
    "decode_page",
    "encode_image",
    "read_header",
]
