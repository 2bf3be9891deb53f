"""Opening documents safely: a file nobody trusts becomes pages of pixels, or one honest error.

What a file is, its first bytes say, never its name. What is decided here:

- PDF: drawn with annotations and form fields, turned by /Rotate, cut to its crop box. A page that is a scan
  keeps the scan's pixels. An empty user password opens; any other is ENCRYPTED_DOCUMENT.
- TIFF: one page a frame. Fax pixels that are not square are made so.
- JPEG: the first picture; phones put previews and gain maps behind it.
- PNG and WebP: animations are UNSUPPORTED_FORMAT, because to read their first picture is to lose the rest.
- Truncation: image files are checked to their last byte, and a JPEG whose end marker was put back after the
  cut is found too. Within a PDF that goes for JPEG and deflate; CCITT, JBIG2 and JPEG 2000 do not say where
  they end.
"""

from hybrid_ocr.opening.document import DocumentFormat, DocumentInfo, RawPage, check_pages, parse_pages
from hybrid_ocr.opening.limits import OpeningLimits
from hybrid_ocr.opening.opener import DocumentOpener

__all__ = [
    "DocumentFormat",
    "DocumentInfo",
    "DocumentOpener",
    "OpeningLimits",
    "RawPage",
    "check_pages",
    "parse_pages",
]
